#include "gpu.h"

#include <algorithm>
#include <cstdio>

#include "../watch/checked.h"
#include "capture.h"

namespace wwsim {
namespace {

// As many operations a stream holds before enqueuing waits for the oldest; a GPU's is about as long.
constexpr size_t queue_length = 1024;
// So often somebody who polls is told that a stream isn't ready, at most.
constexpr unsigned polls_before_ready = 3;

cudaError_t error_of(Fault fault) {
    switch (fault) {
    case Fault::illegal_address:
    case Fault::out_of_bounds:
    case Fault::use_after_free:
    case Fault::host_memory:
    case Fault::constant_memory: return cudaErrorIllegalAddress;
    case Fault::misaligned_address: return cudaErrorMisalignedAddress;
    case Fault::illegal_instruction: return cudaErrorIllegalInstruction;
    case Fault::assertion: return cudaErrorAssert;
    case Fault::deadlock: return cudaErrorLaunchTimeout;
    case Fault::launch_failure:
    case Fault::trap:
    case Fault::barrier:
    case Fault::collective:
    case Fault::uninitialized:
    case Fault::unwritten:
    case Fault::in_flight:
    case Fault::race: break;
    }
    return cudaErrorLaunchFailure;
}

// The other two are what a program says itself.
bool is_mistake(Fault fault) { return fault != Fault::assertion && fault != Fault::trap; }

} // namespace

Stream *Gpu::create_stream(unsigned flags, int priority) {
    Stream *stream = streams.emplace_back(std::make_unique<Stream>(this, flags)).get();
    stream->priority = priority;
    register_stream(stream);
    return stream;
}

void Gpu::remove_stream(Stream *stream) {
    unregister_stream(stream);
    streams.erase(std::find_if(streams.begin(), streams.end(), [=](auto &s) { return s.get() == stream; }));
}

uint64_t Gpu::enqueue(Stream &stream, Action action) {
    if (stream.capture) {
        stream.capture->add(stream, std::move(action));
        return 0;
    }
    return push(stream, {0, std::move(action), nullptr, nullptr});
}

std::shared_ptr<Record> Gpu::record(Stream &stream) {
    auto record = std::make_shared<Record>(&stream);
    record->ticket = tickets + 1;
    push(stream, {0, nullptr, nullptr, record});
    return record;
}

void Gpu::wait_for(Stream &stream, std::shared_ptr<Record> record) { push(stream, {0, nullptr, std::move(record), nullptr}); }

uint64_t Gpu::push(Stream &stream, Operation &&operation) {
    uint64_t ticket = operation.ticket = ++tickets;
    stream.polls = 0;
    stream.queue.push_back(std::move(operation));
    switch (options.timing) {
    case Timing::early: finish(stream); break;
    case Timing::late: break;
    case Timing::seeded:
        // One on average: queues neither stay empty nor only grow.
        while (random.one_in(2) && run_any()) {
        }
    }
    if (stream.queue.size() > queue_length)
        finish(stream, stream.queue.front().ticket);
    return ticket;
}

Stream *Gpu::holds_up(Stream &stream, uint64_t *ticket) {
    const Operation &next = stream.queue.front();
    if (next.waits_for && !next.waits_for->done) {
        *ticket = next.waits_for->ticket;
        return next.waits_for->stream;
    }
    *ticket = next.ticket;
    auto is_before = [&](const Stream &other) { return !other.queue.empty() && other.queue.front().ticket < next.ticket; };
    if (&stream != &legacy)
        return stream.blocking() && is_before(legacy) ? &legacy : nullptr;
    for (auto &other : streams)
        if (other->blocking() && is_before(*other))
            return other.get();
    return nullptr;
}

cudaError_t Gpu::finish(Stream &stream, uint64_t ticket) {
    // What has to be reached, the most urgent last.
    std::vector<std::pair<Stream *, uint64_t>> goals{{&stream, ticket}};
    while (!goals.empty() && fault == cudaSuccess) {
        auto [at, until] = goals.back();
        uint64_t needed;
        if (at->queue.empty() || at->queue.front().ticket > until)
            goals.pop_back();
        else if (Stream *first = holds_up(*at, &needed))
            goals.push_back({first, needed});
        else
            run_next(*at);
    }
    return fault;
}

cudaError_t Gpu::finish_stream(Stream &stream) {
    finish(stream);
    if (&stream == &legacy)
        for (size_t i = 0; i < streams.size(); i++)
            if (streams[i]->blocking())
                finish(*streams[i]);
    return fault;
}

cudaError_t Gpu::finish_all() {
    finish(legacy);
    for (size_t i = 0; i < streams.size(); i++)
        finish(*streams[i]);
    return fault;
}

void Gpu::poll(Stream &stream, uint64_t ticket, unsigned &polls) {
    if (polls++ >= polls_before_ready)
        finish(stream, ticket);
    else if (options.timing == Timing::seeded && random.one_in(2))
        run_any();
}

bool Gpu::run_any() {
    std::vector<Stream *> ready;
    uint64_t ignored;
    auto consider = [&](Stream &stream) {
        if (!stream.queue.empty() && !holds_up(stream, &ignored))
            ready.push_back(&stream);
    };
    consider(legacy);
    for (auto &stream : streams)
        consider(*stream);
    if (ready.empty())
        return false;
    run_next(*ready[random.below(ready.size())]);
    return true;
}

void Gpu::run_next(Stream &stream) {
    Operation operation = std::move(stream.queue.front());
    stream.queue.pop_front();
    Outcome outcome;
    if (operation.action)
        outcome = operation.action(*this);
    if (operation.records) {
        operation.records->done = true;
        operation.records->time = std::chrono::steady_clock::now();
    }
    if (!outcome.ok)
        fail(std::move(outcome));
}

void Gpu::fail(Outcome &&outcome) {
    fault = error_of(outcome.fault);
    message = std::move(outcome.message);
    if (this == &standalone_gpu()) {
        std::fprintf(stderr, "simulated GPU: %s\n", message.c_str());
        if (options.watch.check && is_mistake(outcome.fault))
            note_mistake();
    }
    clear();
}

void Gpu::clear() {
    auto drop = [](Stream &stream) {
        for (Operation &operation : stream.queue)
            if (operation.records)
                operation.records->done = true; // nobody shall wait for it
        stream.queue.clear();
    };
    drop(legacy);
    for (auto &stream : streams)
        drop(*stream);
}

void Gpu::reset() {
    clear();
    fault = cudaSuccess;
    message.clear();
}

} // namespace wwsim
