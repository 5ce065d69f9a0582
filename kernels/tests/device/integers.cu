// Integer intrinsics, bit by bit and element by element.
#include "check.h"

struct Results {
    int clz, ffs, popc, clzll, ffsll, popcll, mulhi, mul24, dp4a, hadd, rhadd;
    unsigned brev, perm, funnel_l, funnel_lc, funnel_r, funnel_rc, umulhi, sad, usad, udp4a, dp2a_lo, fns;
    unsigned vadd4, vaddss4, vaddus2, vsubus4, vmaxs2, vminu4, vavgu4, vabsdiffu4, vcmpgts4, vsetltu2, vsads4, vabs2, vnegss4;
    unsigned long long brevll, umul64hi;
    long long mul64hi;
};

__global__ void compute(const unsigned *inputs, Results *results, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    const unsigned x = inputs[3 * i], y = inputs[3 * i + 1], z = inputs[3 * i + 2];
    const unsigned long long xy = (unsigned long long)x << 32 | y, yz = (unsigned long long)y << 32 | z;
    Results &r = results[i];
    r.clz = __clz((int)x), r.ffs = __ffs((int)x), r.popc = __popc(x);
    r.clzll = __clzll((long long)xy), r.ffsll = __ffsll((long long)xy), r.popcll = __popcll(xy);
    r.brev = __brev(x), r.brevll = __brevll(xy), r.perm = __byte_perm(x, y, z);
    r.funnel_l = __funnelshift_l(x, y, z % 70), r.funnel_lc = __funnelshift_lc(x, y, z % 70);
    r.funnel_r = __funnelshift_r(x, y, z % 70), r.funnel_rc = __funnelshift_rc(x, y, z % 70);
    r.mulhi = __mulhi((int)x, (int)y), r.umulhi = __umulhi(x, y);
    r.mul64hi = __mul64hi((long long)xy, (long long)yz), r.umul64hi = __umul64hi(xy, yz);
    r.mul24 = __mul24((int)x, (int)y), r.sad = __sad((int)x, (int)y, z), r.usad = __usad(x, y, z);
    r.hadd = __hadd((int)x, (int)y), r.rhadd = __rhadd((int)x, (int)y);
    r.dp4a = __dp4a((int)x, (int)y, (int)z), r.udp4a = __dp4a(x, y, z), r.dp2a_lo = (unsigned)__dp2a_lo((int)x, (int)y, (int)z);
    r.fns = __fns(x, y % 32, (int)(z % 11) - 5);
    r.vadd4 = __vadd4(x, y), r.vaddss4 = __vaddss4(x, y), r.vaddus2 = __vaddus2(x, y), r.vsubus4 = __vsubus4(x, y);
    r.vmaxs2 = __vmaxs2(x, y), r.vminu4 = __vminu4(x, y), r.vavgu4 = __vavgu4(x, y), r.vabsdiffu4 = __vabsdiffu4(x, y);
    r.vcmpgts4 = __vcmpgts4(x, y), r.vsetltu2 = __vsetltu2(x, y), r.vsads4 = __vsads4(x, y), r.vabs2 = __vabs2(x);
    r.vnegss4 = __vnegss4(x);
}

int bit(unsigned long long x, int i) { return (int)(x >> i & 1); }

// Joins what f gives for each element.
template <class T, class F> unsigned each(unsigned x, unsigned y, F f) {
    T a[4 / sizeof(T)], b[4 / sizeof(T)];
    std::memcpy(a, &x, 4);
    std::memcpy(b, &y, 4);
    for (unsigned i = 0; i < 4 / sizeof(T); i++) a[i] = (T)f((int)a[i], (int)b[i]);
    std::memcpy(&x, a, 4);
    return x;
}

int clamp(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

void check(const unsigned *in, const Results &r, int i) {
    const unsigned x = in[0], y = in[1], z = in[2];
    const unsigned long long xy = (unsigned long long)x << 32 | y, yx = (unsigned long long)y << 32 | x;
    int clz = 0, clzll = 0, ffs = 0, ffsll = 0, popc = 0, popcll = 0;
    while (clz < 32 && !bit(x, 31 - clz)) clz++;
    while (clzll < 64 && !bit(xy, 63 - clzll)) clzll++;
    unsigned brev = 0;
    unsigned long long brevll = 0;
    for (int b = 63; b >= 0; b--) {
        popcll += bit(xy, b);
        if (bit(xy, b)) ffsll = b + 1;
        brevll |= (unsigned long long)bit(xy, b) << (63 - b);
        if (b >= 32) continue;
        popc += bit(x, b);
        if (bit(x, b)) ffs = b + 1;
        brev |= (unsigned)bit(x, b) << (31 - b);
    }
    expect("__clz", clz, r.clz, i);
    expect("__ffs", ffs, r.ffs, i);
    expect("__popc", popc, r.popc, i);
    expect("__clzll", clzll, r.clzll, i);
    expect("__ffsll", ffsll, r.ffsll, i);
    expect("__popcll", popcll, r.popcll, i);
    expect("__brev", brev, r.brev, i);
    expect("__brevll", brevll, r.brevll, i);
    unsigned perm = 0;
    for (int b = 0; b < 4; b++) perm |= (unsigned)(yx >> 8 * (z >> 4 * b & 7) & 255) << 8 * b;
    expect("__byte_perm", perm, r.perm, i);
    unsigned left = y, right = x;
    for (unsigned shift = 0; shift < z % 70 % 32; shift++) {
        left = left << 1 | (unsigned)bit(x, 31 - (int)shift);
        right = right >> 1 | (unsigned)bit(y, (int)shift) << 31;
    }
    expect("__funnelshift_l", left, r.funnel_l, i);
    expect("__funnelshift_r", right, r.funnel_r, i);
    expect("__funnelshift_lc", z % 70 >= 32 ? x : left, r.funnel_lc, i);
    expect("__funnelshift_rc", z % 70 >= 32 ? y : right, r.funnel_rc, i);
    expect("__mulhi", (int)((long long)(int)x * (int)y >> 32), r.mulhi, i);
    expect("__umulhi", (unsigned)((unsigned long long)x * y >> 32), r.umulhi, i);
    // By halves: the upper word of (x:y) * (y:z).
    const unsigned long long low = (unsigned long long)y * z, mid1 = (unsigned long long)x * z, mid2 = (unsigned long long)y * y;
    const unsigned long long carry = (low >> 32) + (mid1 & 0xFFFFFFFF) + (mid2 & 0xFFFFFFFF);
    const unsigned long long high = (unsigned long long)x * y + (mid1 >> 32) + (mid2 >> 32) + (carry >> 32);
    const unsigned long long yz = (unsigned long long)y << 32 | z;
    expect("__umul64hi", high, r.umul64hi, i);
    expect("__mul64hi", (long long)(high - ((int)x < 0 ? yz : 0) - ((int)y < 0 ? xy : 0)), r.mul64hi, i);
    const int x24 = (int)(x & 0x7FFFFF) - (int)(x & 0x800000), y24 = (int)(y & 0x7FFFFF) - (int)(y & 0x800000);
    expect("__mul24", (int)((long long)x24 * y24), r.mul24, i);
    const long long difference = (long long)(int)x - (int)y;
    expect("__sad", z + (unsigned)(difference < 0 ? -difference : difference), r.sad, i);
    expect("__usad", z + (x < y ? y - x : x - y), r.usad, i);
    expect("__hadd", (int)(((long long)(int)x + (int)y) >> 1), r.hadd, i);
    expect("__rhadd", (int)(((long long)(int)x + (int)y + 1) >> 1), r.rhadd, i);
    unsigned dot = z, udot = z, dot2 = z;
    for (int b = 0; b < 4; b++) {
        dot += (unsigned)((int)(signed char)(x >> 8 * b) * (int)(signed char)(y >> 8 * b));
        udot += (x >> 8 * b & 255) * (y >> 8 * b & 255);
        if (b < 2) dot2 += (unsigned)((int)(short)(x >> 16 * b) * (int)(signed char)(y >> 8 * b));
    }
    expect("__dp4a", (int)dot, r.dp4a, i);
    expect("__dp4a unsigned", udot, r.udp4a, i);
    expect("__dp2a_lo", dot2, r.dp2a_lo, i);
    const int offset = (int)(z % 11) - 5, base = (int)(y % 32);
    unsigned found = ~0u;
    if (offset == 0) {
        if (bit(x, base)) found = (unsigned)base;
    } else {
        int left_to_find = offset < 0 ? -offset : offset;
        for (int at = base; at >= 0 && at < 32 && left_to_find; at += offset < 0 ? -1 : 1)
            if (bit(x, at) && --left_to_find == 0) found = (unsigned)at;
    }
    expect("__fns", found, r.fns, i);

    using s8 = signed char;
    using u8 = unsigned char;
    expect("__vadd4", each<u8>(x, y, [](int a, int b) { return a + b; }), r.vadd4, i);
    expect("__vaddss4", each<s8>(x, y, [](int a, int b) { return clamp(a + b, -128, 127); }), r.vaddss4, i);
    expect("__vaddus2", each<unsigned short>(x, y, [](int a, int b) { return clamp(a + b, 0, 65535); }), r.vaddus2, i);
    expect("__vsubus4", each<u8>(x, y, [](int a, int b) { return clamp(a - b, 0, 255); }), r.vsubus4, i);
    expect("__vmaxs2", each<short>(x, y, [](int a, int b) { return a > b ? a : b; }), r.vmaxs2, i);
    expect("__vminu4", each<u8>(x, y, [](int a, int b) { return a < b ? a : b; }), r.vminu4, i);
    expect("__vavgu4", each<u8>(x, y, [](int a, int b) { return (a + b + 1) / 2; }), r.vavgu4, i);
    expect("__vabsdiffu4", each<u8>(x, y, [](int a, int b) { return a > b ? a - b : b - a; }), r.vabsdiffu4, i);
    expect("__vcmpgts4", each<s8>(x, y, [](int a, int b) { return a > b ? 255 : 0; }), r.vcmpgts4, i);
    expect("__vsetltu2", each<unsigned short>(x, y, [](int a, int b) { return a < b ? 1 : 0; }), r.vsetltu2, i);
    expect("__vabs2", each<short>(x, y, [](int a, int) { return a < 0 ? -a : a; }), r.vabs2, i);
    expect("__vnegss4", each<s8>(x, y, [](int a, int) { return clamp(-a, -128, 127); }), r.vnegss4, i);
    unsigned sum = 0;
    each<s8>(x, y, [&](int a, int b) { return sum += (unsigned)(a > b ? a - b : b - a), 0; });
    expect("__vsads4", sum, r.vsads4, i);
}

int main() {
    constexpr int count = 2000;
    unsigned *inputs = managed<unsigned>(3 * count);
    const unsigned corners[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x80808080, 0x7F7F7F7F, 0x00FF00FF};
    unsigned random = 2463534242u;
    for (int i = 0; i < 3 * count; i++) {
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        inputs[i] = i < 1500 && random % 2 ? corners[random / 2 % 8] : random;
    }
    Results *results = managed<Results>(count);
    compute<<<(count + 127) / 128, 128>>>(inputs, results, count);
    finish();
    for (int i = 0; i < count; i++) check(inputs + 3 * i, results[i], i);
    return verdict();
}
