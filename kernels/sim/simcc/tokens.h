// The tokens of preprocessed C++, where they stand, and how their brackets match.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

using std::size_t;
using std::string;
using std::string_view;

constexpr size_t none = static_cast<size_t>(-1);

enum class Kind { word, number, literal, sign };

struct Token {
    Kind kind;
    string_view text;
    size_t begin;          // in the source
    size_t match = none;   // index of the other bracket, for ( ) [ ] { }
    size_t scope = none;   // index of the innermost { around it
    size_t end() const { return begin + text.size(); }
    bool is(string_view other) const { return text == other; }
};

// A line `# 12 "file.cu" 3`: where what follows it comes from.
struct Marker {
    size_t end;
    int line;
    string file;
    bool system;
};

inline bool starts_word(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || (c & 0x80); }
inline bool in_word(char c) { return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)); }

class Source {
  public:
    explicit Source(string text) : text(std::move(text)) {
        tokenize();
        match_brackets();
    }

    const string text;
    std::vector<Token> tokens;
    std::vector<Marker> markers;

    bool is(size_t i, string_view what) const { return i < tokens.size() && tokens[i].is(what); }
    bool is_word(size_t i) const { return i < tokens.size() && tokens[i].kind == Kind::word; }

    // The tokens [begin, end) on one line, as they can be repeated elsewhere.
    string spelling(size_t begin, size_t end) const {
        string result;
        for (size_t i = begin; i < end; ++i) {
            if (i > begin && tokens[i].begin != tokens[i - 1].end()) result += ' ';
            result += tokens[i].text;
        }
        return result;
    }

    // The marker in force at an offset, and the line.
    const Marker *marker_at(size_t offset, int &line) const {
        auto after = std::upper_bound(markers.begin(), markers.end(), offset, [](size_t o, const Marker &m) { return o < m.end; });
        if (after == markers.begin()) return nullptr;
        const Marker &marker = *--after;
        line = marker.line + static_cast<int>(std::count(text.begin() + marker.end, text.begin() + offset, '\n'));
        return &marker;
    }

  private:
    void tokenize() {
        bool line_start = true;
        for (size_t at = 0; at < text.size();) {
            char c = text[at];
            if (c == '\n') {
                line_start = true;
                ++at;
            } else if (std::isspace(static_cast<unsigned char>(c)) || (c == '\\' && text[at + 1] == '\n')) {
                ++at;
            } else if (c == '#' && line_start) {
                size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
                add_marker(text.substr(at, end - at), end);
                at = end;
            } else {
                line_start = false;
                Kind kind = Kind::sign;
                size_t end = token_end(at, kind);
                tokens.push_back({kind, string_view(text).substr(at, end - at), at});
                at = end;
            }
        }
    }

    void add_marker(const string &line, size_t end) {
        int number = 0, quoted = 0;
        if (std::sscanf(line.c_str(), "# %d %n", &number, &quoted) != 1 || line[quoted] != '"') return; // a #pragma
        size_t close = line.rfind('"');
        markers.push_back({end, number, line.substr(quoted + 1, close - quoted - 1), line.find(" 3", close) != string::npos});
    }

    size_t token_end(size_t at, Kind &kind) const {
        char c = text[at], next = at + 1 < text.size() ? text[at + 1] : '\0';
        size_t end = at + 1;
        if (starts_word(c)) {
            kind = Kind::word;
            while (end < text.size() && in_word(text[end])) ++end;
            string_view word = string_view(text).substr(at, end - at);
            bool raw = word == "R" || word == "LR" || word == "uR" || word == "UR" || word == "u8R";
            if (raw && end < text.size() && text[end] == '"') {
                kind = Kind::literal;
                string close = ")" + text.substr(end + 1, text.find('(', end) - end - 1) + "\"";
                end = text.find(close, end) + close.size();
            }
        } else if (std::isdigit(static_cast<unsigned char>(c)) || (c == '.' && std::isdigit(static_cast<unsigned char>(next)))) {
            kind = Kind::number;
            while (end < text.size() && (in_word(text[end]) || text[end] == '.' || (text[end] == '\'' && in_word(text[end + 1])) ||
                                         (std::strchr("+-", text[end]) && std::strchr("eEpP", text[end - 1]))))
                ++end;
        } else if (c == '"' || c == '\'') {
            kind = Kind::literal;
            while (end < text.size() && text[end] != c) end += text[end] == '\\' ? 2 : 1;
            ++end;
        } else {
            // < and > stay single, to be counted; -> and >= are not brackets.
            string_view pair = string_view(text).substr(at, 2);
            if (pair == "->" || pair == "::" || pair == ">=" || pair == "<=") ++end;
        }
        return std::min(end, text.size());
    }

    void match_brackets() {
        std::vector<size_t> open;
        size_t scope = none;
        for (size_t i = 0; i < tokens.size(); ++i) {
            tokens[i].scope = scope;
            if (tokens[i].kind != Kind::sign) continue;
            char c = tokens[i].text[0];
            if (std::strchr("([{", c)) {
                open.push_back(i);
                if (c == '{') scope = i;
            } else if (std::strchr(")]}", c) && !open.empty()) {
                size_t other = open.back();
                open.pop_back();
                tokens[i].match = other;
                tokens[other].match = i;
                if (c == '}') scope = tokens[other].scope;
            }
        }
    }
};
