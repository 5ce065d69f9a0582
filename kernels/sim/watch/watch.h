// What a watched launch, one that is checked or counted, hears of: each access to memory. The compiler reports the kernel's own loads and
// stores (hooks.cpp), the twins those of the instructions they stand for.
#pragma once

#include <cstddef>

namespace wwsim {

// What to watch in a launch.
struct Watch {
    bool check = false; // for mistakes that a GPU hides
    bool count = false; // what it costs
};

// Where an access goes.
enum class Space : unsigned char {
    global,   // memory of the runtime's, and `__device__` variables
    shared,   // of any block of the gang
    constant, // `__constant__` and const variables
    own,      // the thread's own: its stack, the launch's arguments, its indices
    unknown,  // no memory that device code has
};

enum class Effect : unsigned char { read, write, update };

// How an access orders others. Plain ones must not race; `relaxed` ones (volatile, atomic) may with each other.
enum class Order : unsigned char { plain, relaxed, acquire, release, acquire_release };

struct Access {
    const void *address;
    size_t bytes;
    Effect effect;
    Order order = Order::plain;
    bool is_volatile = false;
    const char *instruction = nullptr; // null: a load or store that the compiler chose
    const void *site = nullptr;        // where in the code; null: `LaneView::site`
    unsigned char alignment = 1;       // what the code takes for granted: a power of two
    bool is_range = false;             // of the compiler's: an aggregate, perhaps with padding

    bool is_aligned() const { return (reinterpret_cast<size_t>(address) & (alignment - 1u)) == 0; }
};

// How many launches are being watched. Not zero: the running one may be.
extern int watched_launches;

// The running thread's access, before it happens. Nothing, outside of a kernel and in a launch that is not watched.
void observe(const Access &access);

// The same for twins, which run in launches of both kinds: nothing where none is watched.
inline void observe(const char *instruction, Effect effect, const void *address, size_t bytes, Order order = Order::plain) {
    if (__builtin_expect(watched_launches != 0, 0)) observe({address, bytes, effect, order, false, instruction, nullptr});
}

// Notes the kernel's line that the running thread is in, for reports: the one after the call of the function that calls this.
#define WWSIM_NOTE_SITE() (::wwsim::current ? void(::wwsim::current->site = __builtin_return_address(0)) : void())

} // namespace wwsim
