// The registers of wgmma's accumulators as inline assembly wants them: as text and as a list, for each number that there is. And for each
// size, the numbers of the operands behind them. wgmma.cuh alone includes this.
#pragma once

// "%0, %1, ...": the first so many operands.
#define WW_TEXT_2 "%0, %1"
#define WW_TEXT_4 WW_TEXT_2 ", %2, %3"
#define WW_TEXT_6 WW_TEXT_4 ", %4, %5"
#define WW_TEXT_8 WW_TEXT_6 ", %6, %7"
#define WW_TEXT_10 WW_TEXT_8 ", %8, %9"
#define WW_TEXT_12 WW_TEXT_10 ", %10, %11"
#define WW_TEXT_14 WW_TEXT_12 ", %12, %13"
#define WW_TEXT_16 WW_TEXT_14 ", %14, %15"
#define WW_TEXT_18 WW_TEXT_16 ", %16, %17"
#define WW_TEXT_20 WW_TEXT_18 ", %18, %19"
#define WW_TEXT_22 WW_TEXT_20 ", %20, %21"
#define WW_TEXT_24 WW_TEXT_22 ", %22, %23"
#define WW_TEXT_26 WW_TEXT_24 ", %24, %25"
#define WW_TEXT_28 WW_TEXT_26 ", %26, %27"
#define WW_TEXT_30 WW_TEXT_28 ", %28, %29"
#define WW_TEXT_32 WW_TEXT_30 ", %30, %31"
#define WW_TEXT_34 WW_TEXT_32 ", %32, %33"
#define WW_TEXT_36 WW_TEXT_34 ", %34, %35"
#define WW_TEXT_38 WW_TEXT_36 ", %36, %37"
#define WW_TEXT_40 WW_TEXT_38 ", %38, %39"
#define WW_TEXT_42 WW_TEXT_40 ", %40, %41"
#define WW_TEXT_44 WW_TEXT_42 ", %42, %43"
#define WW_TEXT_46 WW_TEXT_44 ", %44, %45"
#define WW_TEXT_48 WW_TEXT_46 ", %46, %47"
#define WW_TEXT_50 WW_TEXT_48 ", %48, %49"
#define WW_TEXT_52 WW_TEXT_50 ", %50, %51"
#define WW_TEXT_54 WW_TEXT_52 ", %52, %53"
#define WW_TEXT_56 WW_TEXT_54 ", %54, %55"
#define WW_TEXT_58 WW_TEXT_56 ", %56, %57"
#define WW_TEXT_60 WW_TEXT_58 ", %58, %59"
#define WW_TEXT_62 WW_TEXT_60 ", %60, %61"
#define WW_TEXT_64 WW_TEXT_62 ", %62, %63"
#define WW_TEXT_68 WW_TEXT_64 ", %64, %65, %66, %67"
#define WW_TEXT_72 WW_TEXT_68 ", %68, %69, %70, %71"
#define WW_TEXT_76 WW_TEXT_72 ", %72, %73, %74, %75"
#define WW_TEXT_80 WW_TEXT_76 ", %76, %77, %78, %79"
#define WW_TEXT_84 WW_TEXT_80 ", %80, %81, %82, %83"
#define WW_TEXT_88 WW_TEXT_84 ", %84, %85, %86, %87"
#define WW_TEXT_92 WW_TEXT_88 ", %88, %89, %90, %91"
#define WW_TEXT_96 WW_TEXT_92 ", %92, %93, %94, %95"
#define WW_TEXT_100 WW_TEXT_96 ", %96, %97, %98, %99"
#define WW_TEXT_104 WW_TEXT_100 ", %100, %101, %102, %103"
#define WW_TEXT_108 WW_TEXT_104 ", %104, %105, %106, %107"
#define WW_TEXT_112 WW_TEXT_108 ", %108, %109, %110, %111"
#define WW_TEXT_116 WW_TEXT_112 ", %112, %113, %114, %115"
#define WW_TEXT_120 WW_TEXT_116 ", %116, %117, %118, %119"
#define WW_TEXT_124 WW_TEXT_120 ", %120, %121, %122, %123"
#define WW_TEXT_128 WW_TEXT_124 ", %124, %125, %126, %127"

// c(d[0]), c(d[1]), ...: what they are, with a constraint c.
#define WW_LIST_2(c, d) c(d[0]), c(d[1])
#define WW_LIST_4(c, d) WW_LIST_2(c, d), c(d[2]), c(d[3])
#define WW_LIST_6(c, d) WW_LIST_4(c, d), c(d[4]), c(d[5])
#define WW_LIST_8(c, d) WW_LIST_6(c, d), c(d[6]), c(d[7])
#define WW_LIST_10(c, d) WW_LIST_8(c, d), c(d[8]), c(d[9])
#define WW_LIST_12(c, d) WW_LIST_10(c, d), c(d[10]), c(d[11])
#define WW_LIST_14(c, d) WW_LIST_12(c, d), c(d[12]), c(d[13])
#define WW_LIST_16(c, d) WW_LIST_14(c, d), c(d[14]), c(d[15])
#define WW_LIST_18(c, d) WW_LIST_16(c, d), c(d[16]), c(d[17])
#define WW_LIST_20(c, d) WW_LIST_18(c, d), c(d[18]), c(d[19])
#define WW_LIST_22(c, d) WW_LIST_20(c, d), c(d[20]), c(d[21])
#define WW_LIST_24(c, d) WW_LIST_22(c, d), c(d[22]), c(d[23])
#define WW_LIST_26(c, d) WW_LIST_24(c, d), c(d[24]), c(d[25])
#define WW_LIST_28(c, d) WW_LIST_26(c, d), c(d[26]), c(d[27])
#define WW_LIST_30(c, d) WW_LIST_28(c, d), c(d[28]), c(d[29])
#define WW_LIST_32(c, d) WW_LIST_30(c, d), c(d[30]), c(d[31])
#define WW_LIST_34(c, d) WW_LIST_32(c, d), c(d[32]), c(d[33])
#define WW_LIST_36(c, d) WW_LIST_34(c, d), c(d[34]), c(d[35])
#define WW_LIST_38(c, d) WW_LIST_36(c, d), c(d[36]), c(d[37])
#define WW_LIST_40(c, d) WW_LIST_38(c, d), c(d[38]), c(d[39])
#define WW_LIST_42(c, d) WW_LIST_40(c, d), c(d[40]), c(d[41])
#define WW_LIST_44(c, d) WW_LIST_42(c, d), c(d[42]), c(d[43])
#define WW_LIST_46(c, d) WW_LIST_44(c, d), c(d[44]), c(d[45])
#define WW_LIST_48(c, d) WW_LIST_46(c, d), c(d[46]), c(d[47])
#define WW_LIST_50(c, d) WW_LIST_48(c, d), c(d[48]), c(d[49])
#define WW_LIST_52(c, d) WW_LIST_50(c, d), c(d[50]), c(d[51])
#define WW_LIST_54(c, d) WW_LIST_52(c, d), c(d[52]), c(d[53])
#define WW_LIST_56(c, d) WW_LIST_54(c, d), c(d[54]), c(d[55])
#define WW_LIST_58(c, d) WW_LIST_56(c, d), c(d[56]), c(d[57])
#define WW_LIST_60(c, d) WW_LIST_58(c, d), c(d[58]), c(d[59])
#define WW_LIST_62(c, d) WW_LIST_60(c, d), c(d[60]), c(d[61])
#define WW_LIST_64(c, d) WW_LIST_62(c, d), c(d[62]), c(d[63])
#define WW_LIST_68(c, d) WW_LIST_64(c, d), c(d[64]), c(d[65]), c(d[66]), c(d[67])
#define WW_LIST_72(c, d) WW_LIST_68(c, d), c(d[68]), c(d[69]), c(d[70]), c(d[71])
#define WW_LIST_76(c, d) WW_LIST_72(c, d), c(d[72]), c(d[73]), c(d[74]), c(d[75])
#define WW_LIST_80(c, d) WW_LIST_76(c, d), c(d[76]), c(d[77]), c(d[78]), c(d[79])
#define WW_LIST_84(c, d) WW_LIST_80(c, d), c(d[80]), c(d[81]), c(d[82]), c(d[83])
#define WW_LIST_88(c, d) WW_LIST_84(c, d), c(d[84]), c(d[85]), c(d[86]), c(d[87])
#define WW_LIST_92(c, d) WW_LIST_88(c, d), c(d[88]), c(d[89]), c(d[90]), c(d[91])
#define WW_LIST_96(c, d) WW_LIST_92(c, d), c(d[92]), c(d[93]), c(d[94]), c(d[95])
#define WW_LIST_100(c, d) WW_LIST_96(c, d), c(d[96]), c(d[97]), c(d[98]), c(d[99])
#define WW_LIST_104(c, d) WW_LIST_100(c, d), c(d[100]), c(d[101]), c(d[102]), c(d[103])
#define WW_LIST_108(c, d) WW_LIST_104(c, d), c(d[104]), c(d[105]), c(d[106]), c(d[107])
#define WW_LIST_112(c, d) WW_LIST_108(c, d), c(d[108]), c(d[109]), c(d[110]), c(d[111])
#define WW_LIST_116(c, d) WW_LIST_112(c, d), c(d[112]), c(d[113]), c(d[114]), c(d[115])
#define WW_LIST_120(c, d) WW_LIST_116(c, d), c(d[116]), c(d[117]), c(d[118]), c(d[119])
#define WW_LIST_124(c, d) WW_LIST_120(c, d), c(d[120]), c(d[121]), c(d[122]), c(d[123])
#define WW_LIST_128(c, d) WW_LIST_124(c, d), c(d[124]), c(d[125]), c(d[126]), c(d[127])

// X(n, registers, ...), an f32 to each; `registers` and the eight after it number the operands behind them.
#define WW_SIZES_F32(X) \
    X(8, 4, 5, 6, 7, 8, 9, 10, 11, 12) \
    X(16, 8, 9, 10, 11, 12, 13, 14, 15, 16) \
    X(24, 12, 13, 14, 15, 16, 17, 18, 19, 20) \
    X(32, 16, 17, 18, 19, 20, 21, 22, 23, 24) \
    X(40, 20, 21, 22, 23, 24, 25, 26, 27, 28) \
    X(48, 24, 25, 26, 27, 28, 29, 30, 31, 32) \
    X(56, 28, 29, 30, 31, 32, 33, 34, 35, 36) \
    X(64, 32, 33, 34, 35, 36, 37, 38, 39, 40) \
    X(72, 36, 37, 38, 39, 40, 41, 42, 43, 44) \
    X(80, 40, 41, 42, 43, 44, 45, 46, 47, 48) \
    X(88, 44, 45, 46, 47, 48, 49, 50, 51, 52) \
    X(96, 48, 49, 50, 51, 52, 53, 54, 55, 56) \
    X(104, 52, 53, 54, 55, 56, 57, 58, 59, 60) \
    X(112, 56, 57, 58, 59, 60, 61, 62, 63, 64) \
    X(120, 60, 61, 62, 63, 64, 65, 66, 67, 68) \
    X(128, 64, 65, 66, 67, 68, 69, 70, 71, 72) \
    X(136, 68, 69, 70, 71, 72, 73, 74, 75, 76) \
    X(144, 72, 73, 74, 75, 76, 77, 78, 79, 80) \
    X(152, 76, 77, 78, 79, 80, 81, 82, 83, 84) \
    X(160, 80, 81, 82, 83, 84, 85, 86, 87, 88) \
    X(168, 84, 85, 86, 87, 88, 89, 90, 91, 92) \
    X(176, 88, 89, 90, 91, 92, 93, 94, 95, 96) \
    X(184, 92, 93, 94, 95, 96, 97, 98, 99, 100) \
    X(192, 96, 97, 98, 99, 100, 101, 102, 103, 104) \
    X(200, 100, 101, 102, 103, 104, 105, 106, 107, 108) \
    X(208, 104, 105, 106, 107, 108, 109, 110, 111, 112) \
    X(216, 108, 109, 110, 111, 112, 113, 114, 115, 116) \
    X(224, 112, 113, 114, 115, 116, 117, 118, 119, 120) \
    X(232, 116, 117, 118, 119, 120, 121, 122, 123, 124) \
    X(240, 120, 121, 122, 123, 124, 125, 126, 127, 128) \
    X(248, 124, 125, 126, 127, 128, 129, 130, 131, 132) \
    X(256, 128, 129, 130, 131, 132, 133, 134, 135, 136)

// X(n, registers, ...), two f16 to each; `registers` and the eight after it number the operands behind them.
#define WW_SIZES_F16(X) \
    X(8, 2, 3, 4, 5, 6, 7, 8, 9, 10) \
    X(16, 4, 5, 6, 7, 8, 9, 10, 11, 12) \
    X(24, 6, 7, 8, 9, 10, 11, 12, 13, 14) \
    X(32, 8, 9, 10, 11, 12, 13, 14, 15, 16) \
    X(40, 10, 11, 12, 13, 14, 15, 16, 17, 18) \
    X(48, 12, 13, 14, 15, 16, 17, 18, 19, 20) \
    X(56, 14, 15, 16, 17, 18, 19, 20, 21, 22) \
    X(64, 16, 17, 18, 19, 20, 21, 22, 23, 24) \
    X(72, 18, 19, 20, 21, 22, 23, 24, 25, 26) \
    X(80, 20, 21, 22, 23, 24, 25, 26, 27, 28) \
    X(88, 22, 23, 24, 25, 26, 27, 28, 29, 30) \
    X(96, 24, 25, 26, 27, 28, 29, 30, 31, 32) \
    X(104, 26, 27, 28, 29, 30, 31, 32, 33, 34) \
    X(112, 28, 29, 30, 31, 32, 33, 34, 35, 36) \
    X(120, 30, 31, 32, 33, 34, 35, 36, 37, 38) \
    X(128, 32, 33, 34, 35, 36, 37, 38, 39, 40) \
    X(136, 34, 35, 36, 37, 38, 39, 40, 41, 42) \
    X(144, 36, 37, 38, 39, 40, 41, 42, 43, 44) \
    X(152, 38, 39, 40, 41, 42, 43, 44, 45, 46) \
    X(160, 40, 41, 42, 43, 44, 45, 46, 47, 48) \
    X(168, 42, 43, 44, 45, 46, 47, 48, 49, 50) \
    X(176, 44, 45, 46, 47, 48, 49, 50, 51, 52) \
    X(184, 46, 47, 48, 49, 50, 51, 52, 53, 54) \
    X(192, 48, 49, 50, 51, 52, 53, 54, 55, 56) \
    X(200, 50, 51, 52, 53, 54, 55, 56, 57, 58) \
    X(208, 52, 53, 54, 55, 56, 57, 58, 59, 60) \
    X(216, 54, 55, 56, 57, 58, 59, 60, 61, 62) \
    X(224, 56, 57, 58, 59, 60, 61, 62, 63, 64) \
    X(232, 58, 59, 60, 61, 62, 63, 64, 65, 66) \
    X(240, 60, 61, 62, 63, 64, 65, 66, 67, 68) \
    X(248, 62, 63, 64, 65, 66, 67, 68, 69, 70) \
    X(256, 64, 65, 66, 67, 68, 69, 70, 71, 72)
