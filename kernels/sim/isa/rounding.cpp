// Arithmetic rounded toward zero, up and down: the host's, in its rounding mode of that name.
#include <cfenv>

#include "../include/math_functions.h"

namespace wwsim {

namespace {

class RoundingMode {
  public:
    explicit RoundingMode(int mode) : before(std::fegetround()) { std::fesetround(mode); }
    ~RoundingMode() { std::fesetround(before); }
    RoundingMode(const RoundingMode &) = delete;
    RoundingMode &operator=(const RoundingMode &) = delete;

  private:
    int before;
};

} // namespace

inline namespace api {

// Operands and result are volatile, so that the operation stays between the two changes of the mode.
// clang-format off
#define IN_MODE(suffix, mode, R, name, PARAMETERS, COPIES, expression) \
    R name##suffix PARAMETERS { \
        RoundingMode rounding(mode); \
        COPIES; \
        volatile R result = expression; \
        return result; \
    }
#define DIRECTED(R, name, PARAMETERS, COPIES, expression) \
    IN_MODE(_rz, FE_TOWARDZERO, R, name, PARAMETERS, COPIES, expression) \
    IN_MODE(_ru, FE_UPWARD, R, name, PARAMETERS, COPIES, expression) \
    IN_MODE(_rd, FE_DOWNWARD, R, name, PARAMETERS, COPIES, expression)
#define UNARY(R, name, A, expression) DIRECTED(R, name, (A a), volatile A x = a, expression)
#define BINARY(T, name, expression) DIRECTED(T, name, (T a, T b), volatile T x = a; volatile T y = b, expression)
#define TERNARY(T, name, expression) \
    DIRECTED(T, name, (T a, T b, T c), volatile T x = a; volatile T y = b; volatile T z = c, expression)
#define ARITHMETIC(prefix, T) \
    BINARY(T, prefix##add, x + y) \
    BINARY(T, prefix##sub, x - y) \
    BINARY(T, prefix##mul, x * y) \
    BINARY(T, prefix##div, x / y) \
    UNARY(T, prefix##rcp, T, 1 / x) \
    UNARY(T, prefix##sqrt, T, std::sqrt((T)x))
// clang-format on

ARITHMETIC(__f, float)
ARITHMETIC(__d, double)
TERNARY(float, __fmaf, std::fma((float)x, (float)y, (float)z))
TERNARY(double, __fma, std::fma((double)x, (double)y, (double)z))
UNARY(float, __int2float, int, (float)x)
UNARY(float, __uint2float, unsigned, (float)x)
UNARY(float, __ll2float, long long, (float)x)
UNARY(float, __ull2float, unsigned long long, (float)x)
UNARY(double, __ll2double, long long, (double)x)
UNARY(double, __ull2double, unsigned long long, (double)x)
UNARY(float, __double2float, double, (float)x)

} // namespace api
} // namespace wwsim
