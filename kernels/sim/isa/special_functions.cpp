// Mathematical functions that CUDA has and the C++ library has not.
#include <cfloat>

#include "../include/math_functions.h"

namespace wwsim::detail {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double root_2 = 1.41421356237309504880;
constexpr double two_over_root_pi = 1.12837916709551257390;
constexpr double root_pi = 1.77245385090551602730;

// sin(pi (x + quarters / 2)), exact at multiples of 1/2.
double sine_of_turns(double x, int quarters) {
    if (!std::isfinite(x)) return NAN;
    const double halves = std::nearbyint(2 * std::fmod(x, 2.0));
    const double rest = pi * (std::fmod(x, 2.0) - halves / 2);
    switch ((((int)halves + quarters) % 4 + 4) % 4) {
    case 0: return std::sin(rest);
    case 1: return std::cos(rest);
    case 2: return -std::sin(rest);
    default: return -std::cos(rest);
    }
}

// Sum over k of (x/2)^(2k + order) / (k! (k + order)!): all terms have one sign, so that nothing cancels.
double bessel_i(int order, double x) {
    if (std::isinf(x)) return order == 1 ? x : HUGE_VAL;
    const double quarter = x * x / 4;
    double term = order == 0 ? 1 : x / 2, sum = term;
    for (int k = 1; std::fabs(term) > DBL_EPSILON / 4 * std::fabs(sum) && !std::isinf(sum); k++)
        sum += term *= quarter / ((double)k * (k + order));
    return sum;
}

} // namespace

double exp10(double x) { return std::pow(10.0, x); }

double sinpi(double x) {
    const double sine = sine_of_turns(x, 0);
    return sine == 0 ? std::copysign(0.0, x) : sine;
}
double cospi(double x) {
    const double cosine = sine_of_turns(x, 1);
    return cosine == 0 ? 0 : cosine;
}

// exp(x^2) erfc(x)
double erfcx(double x) {
    if (x < 10) {
        const double square = x * x;
        return std::exp(square) * (1 + std::fma(x, x, -square)) * std::erfc(x);
    }
    if (x > 1e8) return 1 / (root_pi * x);
    double fraction = x; // the continued fraction x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ...)))
    for (int k = 60; k >= 1; k--) fraction = x + k / 2.0 / fraction;
    return 1 / (root_pi * fraction);
}

// Halley's method on log erfc, which is nearly a parabola, so that it converges from anywhere. 1 - y is exact where it is used.
double erfcinv(double y) {
    if (!(y >= 0 && y <= 2)) return NAN;
    if (y == 0) return HUGE_VAL;
    if (y == 2) return -HUGE_VAL;
    if (y > 1.5) return -erfcinv(2 - y);
    if (y >= 0.5) return erfinv(1 - y);
    double x = std::sqrt(-std::log(y));
    for (int i = 0; i < 20; i++) {
        const double scaled = erfcx(x);
        const double slope = two_over_root_pi / scaled; // of -log erfc
        const double excess = std::log(scaled) - x * x - std::log(y);
        const double curvature = slope * (slope - 2 * x);
        const double step = excess / (slope + curvature / (2 * slope) * excess);
        x += step;
        if (std::fabs(step) <= 1e-16 * std::fabs(x)) break;
    }
    return x;
}

double erfinv(double y) {
    if (std::fabs(y) > 0.5) return y > 0 ? erfcinv(1 - y) : -erfcinv(1 + y);
    double x = y / two_over_root_pi;
    for (int i = 0; i < 20 && x != 0; i++) { // Newton's method with Halley's correction
        const double step = (std::erf(x) - y) / (two_over_root_pi * std::exp(-x * x));
        const double corrected = step / (1 + x * step);
        x -= corrected;
        if (std::fabs(corrected) <= 1e-16 * std::fabs(x)) break;
    }
    return y == 0 || std::isnan(y) ? y : x;
}

double normcdf(double x) { return std::erfc(-x / root_2) / 2; }
double normcdfinv(double p) { return -root_2 * erfcinv(2 * p); }

double cyl_bessel_i0(double x) { return bessel_i(0, x); }
double cyl_bessel_i1(double x) { return bessel_i(1, x); }

double norm(int n, const double *x) {
    double largest = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        if (std::isinf(x[i])) return HUGE_VAL;
        largest = std::fabs(x[i]) > largest || std::isnan(x[i]) ? std::fabs(x[i]) : largest;
    }
    if (largest == 0) return 0;
    for (int i = 0; i < n; i++) sum += (x[i] / largest) * (x[i] / largest);
    return largest * std::sqrt(sum);
}

} // namespace wwsim::detail
