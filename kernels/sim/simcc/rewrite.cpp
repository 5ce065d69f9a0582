// Turns preprocessed CUDA C++ into C++ for the simulated GPU: what a macro can't do.
//
//     rewrite --own FOLDER input.ii output.ii
//
// - `kernel<<<grid, block, shared, stream>>>(arguments)` becomes a call of the launcher in launch.h, and
//   `cudaLaunchKernel((void *)kernel, ...)` loses its cast.
// - `extern __shared__ T name[];` becomes a reference to the block's dynamic shared memory. Without brackets it loses its `extern`: nvcc
//   takes it for a variable like any other.
// - `__shared__ alignas(16) T x` and `static __shared__ T x` are put into the order of C++.
// - Inline assembly is an error, but without an instruction, in system headers and in FOLDER, the simulator's own.
// - `__cluster_dims__` is an error: no launch would know of it.
//
// It works on what the compiler's preprocessor writes (-E), so launches in headers and macros are ordinary ones, code that is
// compiled for other targets is gone, and line markers tell the compiler which line of which file it reads. Newlines and markers are
// never touched: lines stay where they are, and so do the columns of what stands before the change.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "tokens.h"

namespace {

// Changes to the text, in the order in which they are found.
class Rewriter {
  public:
    Rewriter(const Source &source, string own) : source(source), tokens(source.tokens), own(std::move(own)) {}

    // Returns false if there were errors, which are on stderr.
    bool run() {
        for (size_t i = 0; i < tokens.size(); ++i) {
            if (launch_at(i))
                launch(i);
            else if (tokens[i].is("extern") && tokens[i].kind == Kind::word)
                extern_declaration(i);
            else if (i > 0 && tokens[i].is("__thread") && tokens[i - 1].is("static"))
                shared_declaration(i - 1);
            else if (tokens[i].is("cudaLaunchKernel") || tokens[i].is("cudaLaunchCooperativeKernel"))
                untyped_launch(i + 2);
            else if (tokens[i].is("asm") || tokens[i].is("__asm__") || tokens[i].is("__asm"))
                assembly(i);
            else if (tokens[i].is("__cluster_dims__"))
                error(i, "__cluster_dims__ is not supported by the simulated GPU: give the launch cudaLaunchAttributeClusterDimension");
        }
        return ok;
    }

    string result() {
        std::stable_sort(edits.begin(), edits.end(), [](const Edit &a, const Edit &b) { return a.begin < b.begin; });
        string out;
        size_t at = 0;
        for (const Edit &edit : edits) {
            out.append(source.text, at, edit.begin - at).append(edit.text);
            at = edit.end;
        }
        return out.append(source.text, at, string::npos);
    }

  private:
    struct Edit {
        size_t begin, end;
        string text;
    };
    const Source &source;
    const std::vector<Token> &tokens;
    const string own;
    std::vector<Edit> edits;
    bool ok = true;

    void error(size_t token, const char *message) {
        int line = 1;
        const Marker *marker = source.marker_at(tokens[token].begin, line);
        std::fprintf(stderr, "%s:%d: error: %s\n", marker ? marker->file.c_str() : "<input>", line, message);
        ok = false;
    }

    // ---- Launches

    // No C++ has three < in a row, but `operator<< <T>`.
    bool launch_at(size_t i) const {
        return source.is(i, "<") && source.is(i + 1, "<") && source.is(i + 2, "<") && !(i > 0 && tokens[i - 1].is("operator"));
    }

    void launch(size_t open) {
        size_t begin = callee_begin(open);
        size_t close = configuration_end(open + 3);
        if (begin == none) return error(open, "expected the name of a kernel before '<<<'");
        if (close == none) return error(open, "expected '>>>(' after '<<<'");
        string kernel = source.spelling(begin, open), name;
        for (char c : kernel) name.append(c == '"' || c == '\\' ? 1 : 0, '\\').append(1, c);
        edits.push_back({tokens[begin].begin, tokens[begin].begin,
                         "::wwsim::simcc::kernel(\"" + name + "\", [&](auto wwsim_address) -> decltype(wwsim_address("});
        edits.push_back({tokens[open].begin, tokens[open + 2].end(),
                         ")) { return wwsim_address(" + kernel + "); }, [&](const auto &...wwsim_arguments) -> decltype(" + kernel +
                             "(wwsim_arguments...)) { return " + kernel + "(wwsim_arguments...); })("});
        edits.push_back({tokens[close].begin, tokens[close + 2].end(), ")"});
    }

    bool is_statement_word(size_t i) const {
        static const std::set<string_view> words = {"if", "while", "for", "switch", "constexpr", "return", "else", "do", "throw"};
        return words.count(tokens[i].text) > 0;
    }

    // The first token of the postfix expression that ends before `end`.
    size_t callee_begin(size_t end) const {
        for (size_t i = end; i > 0;) {
            if (tokens[i - 1].is(")") || tokens[i - 1].is("]")) {
                i = tokens[i - 1].match;
                if (i == none) return none;
                if (i > 0 && is_applied(i - 1)) continue;
            } else {
                if (tokens[i - 1].is(">")) i = template_begin(i - 1);
                if (i == none || i == 0 || !source.is_word(i - 1)) return none;
                --i;
                if (i > 0 && tokens[i - 1].is("template")) --i;
            }
            if (i > 0 && tokens[i - 1].is("::")) {
                --i;
                bool qualified = i > 0 && ((source.is_word(i - 1) && !is_statement_word(i - 1)) || tokens[i - 1].is(">"));
                if (!qualified) return i;
            } else if (i > 0 && (tokens[i - 1].is(".") || tokens[i - 1].is("->"))) {
                --i;
            } else {
                return i;
            }
        }
        return none;
    }

    // Whether the ( or [ after token `i` calls or indexes what ends there, rather than being a statement or a group of its own.
    bool is_applied(size_t i) const {
        if (tokens[i].is(")")) {
            size_t open = tokens[i].match;
            return open != none && !(open > 0 && is_statement_word(open - 1));
        }
        return (source.is_word(i) && !is_statement_word(i)) || tokens[i].is("]") || tokens[i].is(">");
    }

    // The < that the > at `close` closes.
    size_t template_begin(size_t close) const {
        int depth = 0;
        for (size_t i = close + 1; i-- > 0;) {
            const Token &token = tokens[i];
            if (token.is(";") || token.is("{")) return none;
            if (token.match != none) {
                if (token.match > i) return none;
                i = token.match;
            } else if (token.is(">")) {
                ++depth;
            } else if (token.is("<")) {
                bool shift = i > 0 && tokens[i - 1].is("<") && tokens[i - 1].end() == token.begin;
                if (shift)
                    --i;
                else if (--depth == 0)
                    return i;
            }
        }
        return none;
    }

    // The first of the three > that end a launch's configuration: those before a (, when no template argument list that was
    // opened since `begin` needs them.
    size_t configuration_end(size_t begin) const {
        size_t templates = 0;
        for (size_t i = begin; i < tokens.size(); ++i) {
            const Token &token = tokens[i];
            if (token.is(";") || (token.match != none && token.match < i)) return none;
            if (token.match != none) {
                i = token.match;
            } else if (token.is("<")) {
                bool shift = source.is(i + 1, "<");
                if (shift)
                    ++i;
                else if (source.is_word(i - 1))
                    ++templates;
            } else if (token.is(">")) {
                size_t run = i;
                while (source.is(run, ">")) ++run;
                size_t length = run - i;
                if (length >= 3 && length > templates && source.is(run, "(")) return run - 3;
                templates -= std::min(templates, length);
                i = run - 1;
            }
        }
        return none;
    }

    // cudaLaunchKernel((void *)kernel, ...): the simulator finds the arguments by the kernel's type, so the cast goes. `at` is
    // the first token of the argument.
    void untyped_launch(size_t at) {
        size_t end = at;
        if (source.is(at, "(")) {
            end = tokens[at].match + 1; // (void *)
        } else if (source.is(at, "reinterpret_cast") || source.is(at, "static_cast")) {
            while (end < tokens.size() && !tokens[end].is(">")) ++end; // reinterpret_cast<void *>
            ++end;
        }
        string cast = source.spelling(at, std::min(end, tokens.size()));
        if (cast.find("void") != string::npos && cast.find('*') != string::npos && cast.find(',') == string::npos) replace(at, end, "");
    }

    // ---- Dynamic shared memory

    // The preprocessor has made `static __thread` of __shared__, and `extern static` is nothing else.
    void extern_declaration(size_t at) {
        size_t begin = at, end = at;
        while (begin > 0 && is_specifier(begin - 1)) --begin;
        bool shared = std::any_of(tokens.begin() + begin, tokens.begin() + at, [](const Token &t) { return t.is("static"); });
        for (; end < tokens.size() && !tokens[end].is(";"); ++end) {
            if (tokens[end].is("{") || tokens[end].is("}")) return;
            if (tokens[end].is("static")) shared = true;
            if (tokens[end].match != none && tokens[end].match > end) end = tokens[end].match;
        }
        if (shared) dynamic_shared(begin, end);
    }

    bool is_specifier(size_t i) const {
        static const std::set<string_view> words = {"extern", "static", "__thread", "const", "volatile"};
        return words.count(tokens[i].text) > 0;
    }

    bool declares_array(size_t at) const {
        while (at < tokens.size() && !tokens[at].is("[") && !tokens[at].is(";")) ++at;
        return source.is(at, "[");
    }

    // The macro's `static` is the token `at`. Another one must not stand beside it, nor an `extern`, and an alignment not behind it.
    void shared_declaration(size_t at) {
        size_t begin = at, end = at + 2;
        while (begin > 0 && is_specifier(begin - 1)) --begin;
        std::vector<size_t> unwanted, alignments;
        for (; end < tokens.size() && (is_specifier(end) || tokens[end].is("alignas")); ++end) {
            if (tokens[end].is("static")) unwanted.push_back(end);
            if (tokens[end].is("alignas") && source.is(end + 1, "(")) {
                alignments.push_back(end);
                end = tokens[end + 1].match;
                if (end == none) return;
            }
        }
        for (size_t i = begin; i < at; ++i)
            if (tokens[i].is("static")) unwanted.push_back(i);
        for (size_t i = begin; i < end; ++i) {
            if (!tokens[i].is("extern")) continue;
            if (declares_array(end)) return; // dynamic_shared's
            unwanted.push_back(i);
        }
        string moved;
        for (size_t i : alignments) {
            const size_t after = tokens[i + 1].match + 1;
            moved += source.spelling(i, after) + ' ';
            replace(i, after, "");
        }
        if (!moved.empty()) edits.push_back({tokens[begin].begin, tokens[begin].begin, moved});
        for (size_t i : unwanted) replace(i, i + 1, "");
    }

    // At block scope the name becomes a reference to an array of unknown bound: unlike a pointer it has the array's type, and unlike
    // an object of its own it may have another type in each instance of a template.
    //
    // At namespace scope no initializer could serve: each block has another address. There the name is declared as a reference
    // that is defined elsewhere, by a symbol that is a pointer in the simulator (exec sets it for the thread that runs a block): a
    // compiler stores a reference as a pointer, so each use loads the current block's address, whatever types the names have.
    void dynamic_shared(size_t begin, size_t end) {
        std::vector<size_t> kept; // without storage classes and alignment: the memory is aligned for all
        for (size_t i = begin; i < end; ++i) {
            bool attribute = tokens[i].is("__attribute__") || tokens[i].is("alignas");
            if (attribute && source.is(i + 1, "("))
                i = tokens[i + 1].match;
            else if (!tokens[i].is("extern") && !tokens[i].is("static") && !tokens[i].is("__thread"))
                kept.push_back(i);
        }
        size_t bracket = 0;
        while (bracket < kept.size() && !tokens[kept[bracket]].is("[")) ++bracket;
        if (bracket == kept.size()) return; // shared_declaration's
        if (bracket < 2) return error(begin, "expected `extern __shared__ TYPE NAME[]`");
        size_t declarators = bracket - 1;
        while (declarators > 0 && tokens[kept[declarators - 1]].is("*")) --declarators;
        string type = join(kept, 0, declarators), out;

        bool local = tokens[begin].scope != none && !opens_namespace(tokens[begin].scope);
        for (size_t at = declarators; at < kept.size(); ++at) {
            size_t name = at, stop;
            while (name < kept.size() && tokens[kept[name]].is("*")) ++name;
            for (stop = name + 1; stop < kept.size() && !tokens[kept[stop]].is(","); ++stop) {}
            string stars = join(kept, at, name), bounds = join(kept, name + 1, stop);
            string reference = type + " " + stars + "(&" + string(tokens[kept[name]].text) + ")" + bounds;
            if (local)
                out += "[[maybe_unused]] " + reference + " = *reinterpret_cast<" + type + " " + stars + "(*)" + bounds +
                       ">(::wwsim::block().dynamic_shared);";
            else
                out += "extern __thread " + reference + " __asm__(\"wwsim_dynamic_shared\");";
            at = stop;
        }
        replace(begin, end + 1, out);
    }

    string join(const std::vector<size_t> &indices, size_t begin, size_t end) const {
        string result;
        for (size_t i = begin; i < end; ++i) {
            bool words = i > begin && tokens[indices[i]].kind == Kind::word && tokens[indices[i - 1]].kind == Kind::word;
            result.append(words ? 1 : 0, ' ').append(tokens[indices[i]].text);
        }
        return result;
    }

    bool opens_namespace(size_t brace) const {
        for (size_t i = brace; i-- > 0;) {
            if (tokens[i].is("namespace")) return true;
            if (tokens[i].kind == Kind::literal) return i > 0 && tokens[i - 1].is("extern"); // extern "C" {
            if (tokens[i].kind != Kind::word && !tokens[i].is("::")) return false;
        }
        return false;
    }

    // Puts `text` in the place of the tokens [begin, end), and leaves what stands between them: newlines and markers.
    void replace(size_t begin, size_t end, const string &text) {
        for (size_t i = begin; i < end; ++i) edits.push_back({tokens[i].begin, tokens[i].end(), i == begin ? text : ""});
    }

    bool is_own(const string &file) const {
        char *path = realpath(file.c_str(), nullptr); // of `kernels/tests/../sim/isa/check.h`, for one
        bool result = path && string_view(path).substr(0, own.size() + 1) == own + '/';
        std::free(path);
        return result;
    }

    void assembly(size_t i) {
        int line = 0;
        const Marker *marker = source.marker_at(tokens[i].begin, line);
        if (marker && (marker->system || is_own(marker->file))) return;
        // A barrier for the compiler, `asm volatile("" ::: "memory")`, says nothing to a machine.
        size_t open = i + 1;
        while (open < tokens.size() && tokens[open].kind == Kind::word) ++open;
        if (source.is(open, "(") && source.is(open + 1, "\"\"") && (source.is(open + 2, ":") || source.is(open + 2, "::") || source.is(open + 2, ")")))
            return;
        error(i, "inline PTX is not supported by the simulated GPU");
    }
};

} // namespace

int main(int argc, char **argv) {
    if (argc != 5 || std::strcmp(argv[1], "--own") != 0) {
        std::fprintf(stderr, "usage: rewrite --own FOLDER input.ii output.ii\n");
        return 2;
    }
    std::ifstream in(argv[3], std::ios::binary);
    if (!in) {
        std::fprintf(stderr, "rewrite: can't read %s\n", argv[3]);
        return 1;
    }
    Source source(string(std::istreambuf_iterator<char>(in), {}));
    Rewriter rewriter(source, argv[2]);
    if (!rewriter.run()) return 1;
    std::ofstream out(argv[4], std::ios::binary);
    out << rewriter.result() << std::flush;
    if (out) return 0;
    std::fprintf(stderr, "rewrite: can't write %s\n", argv[4]);
    return 1;
}
