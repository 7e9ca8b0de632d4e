// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <cctype>

#include "policies/calendar.h"

namespace tclone::policies {
namespace {

struct Shorthand {
  std::string_view word, meaning;
};
constexpr std::array<Shorthand, 9> kShorthands{{{"minutely", "*-*-* *:*:00"},
                                                {"hourly", "*-*-* *:00:00"},
                                                {"daily", "*-*-* 00:00:00"},
                                                {"weekly", "Mon *-*-* 00:00:00"},
                                                {"monthly", "*-*-01 00:00:00"},
                                                {"yearly", "*-01-01 00:00:00"},
                                                {"annually", "*-01-01 00:00:00"},
                                                {"quarterly", "*-01,04,07,10-01 00:00:00"},
                                                {"semiannually", "*-01,07-01 00:00:00"}}};

constexpr std::array<std::string_view, 7> kDays{"monday", "tuesday",  "wednesday", "thursday",
                                                "friday", "saturday", "sunday"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// 0 Monday to 6 Sunday; a day is written in three letters or in full.
std::optional<int> day_number(std::string_view word) {
  const std::string text = lower(word);
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    if (text == kDays[i] || text == kDays[i].substr(0, 3)) return static_cast<int>(i);
  }
  return std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = text.find(at);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<int> number(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  int out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + (c - '0');
  }
  return out;
}

/// Reads one expression; what is wrong is kept for the message.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Calendar> run() {
    Calendar out;
    out.text = std::string(text_);
    TC_CHECK(refuse_unsupported());
    if (text_.starts_with(' ') || text_.ends_with(' ')) return wrong("it begins or ends with a blank");
    std::vector<std::string_view> words;
    for (const std::string_view word : split(text_, ' ')) {
      if (!word.empty()) words.push_back(word);
    }
    if (words.empty()) return wrong("it is empty");
    std::string expanded;
    for (const Shorthand& s : kShorthands) {
      if (lower(words.front()) == s.word) expanded = s.meaning;
    }
    if (!expanded.empty()) {
      if (words.size() > 1) out.zone = words[1];
      if (words.size() > 2) return wrong("nothing may follow the time zone");
      if (!zone_like(out.zone)) return wrong("\"" + out.zone + "\" is not a time zone");
      words.clear();
      for (const std::string_view word : split(expanded, ' ')) words.push_back(word);
    }
    TC_CHECK(read(words, out));
    return out;
  }

 private:
  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view why) const {
    return fail(Code::usage, "calendar expression \"" + std::string(text_) + "\"", why,
                "`tclone policy check` and systemd.time(7) describe the form");
  }

  [[nodiscard]] Status refuse_unsupported() const {
    for (const char c : text_) {
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e)
        return wrong("it has characters that are not plain text");
    }
    if (text_.find('~') != std::string_view::npos)
      return wrong("days counted from the end of a month (~) are not supported");
    if (text_.find('@') != std::string_view::npos) return wrong("a moment in seconds (@) is not supported");
    const std::size_t dot = text_.find('.');
    for (std::size_t i = dot; i != std::string_view::npos; i = text_.find('.', i)) {
      if (text_.substr(i, 2) != ".." || text_.substr(i, 3) == "...")
        return wrong("fractions of a second are not supported");
      i += 2;
    }
    return {};
  }

  static bool zone_like(std::string_view word) {
    return word.empty() ||
           (word.find("..") == std::string_view::npos && std::isalpha(static_cast<unsigned char>(word.front())) != 0 &&
            std::all_of(word.begin(), word.end(), [](char c) {
              return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
            }));
  }

  Status read(const std::vector<std::string_view>& words, Calendar& out) {
    std::size_t i = 0;
    const auto left = [&] { return i < words.size(); };
    const auto begins_with_letter = [&] { return std::isalpha(static_cast<unsigned char>(words[i].front())) != 0; };
    bool something = false;
    if (left() && begins_with_letter() && day_number(first_word(words[i]))) {
      TC_CHECK(weekdays(words[i++], out));
      something = true;
    }
    if (left() && !begins_with_letter() && words[i].find('-') != std::string_view::npos) {
      TC_CHECK(date(words[i++], out));
      something = true;
    }
    bool time_given = false;
    if (left() && !begins_with_letter() && words[i].find(':') != std::string_view::npos) {
      TC_CHECK(time(words[i++], out));
      something = time_given = true;
    }
    if (!time_given) out.hour = out.minute = out.second = {{0, 0, 0}};
    if (left() && begins_with_letter() && zone_like(words[i]) && !day_number(words[i])) out.zone = words[i++];
    if (left()) return wrong("\"" + std::string(words[i]) + "\" is not expected there");
    if (!something) return wrong("it has neither a day nor a time");
    if (lower(out.zone) == "utc") out.zone = "UTC";
    return {};
  }

  static std::string_view first_word(std::string_view word) {
    return word.substr(0, std::min({word.find(','), word.find(".."), word.find('-')}));
  }

  Status weekdays(std::string_view word, Calendar& out) {
    out.weekdays = 0;
    if (word.ends_with(',')) word.remove_suffix(1);
    for (const std::string_view item : split(word, ',')) {
      const std::size_t dash = std::min(item.find('-'), item.find(".."));  // "Mon-Fri" is the older spelling
      const auto from = day_number(item.substr(0, dash));
      const auto to =
          dash == std::string_view::npos ? from : day_number(item.substr(dash + (item[dash] == '-' ? 1 : 2)));
      if (!from || !to) return wrong("\"" + std::string(item) + "\" is not a day of the week");
      if (*from > *to) return wrong("\"" + std::string(item) + "\" goes backwards; weeks begin on Monday");
      for (int day = *from; day <= *to; ++day)
        out.weekdays = static_cast<std::uint8_t>(out.weekdays | 1U << static_cast<unsigned>(day));
    }
    return {};
  }

  Status date(std::string_view word, Calendar& out) {
    const auto parts = split(word, '-');
    if (parts.size() != 2 && parts.size() != 3) return wrong("a date is YEAR-MONTH-DAY or MONTH-DAY");
    if (parts.size() == 3) {
      TC_CHECK(part("year", parts[0], 0, 2199, 2199, out.year));
      for (CalendarRange& range : out.year) {
        for (int* value : {&range.start, &range.stop}) *value += *value < 70 ? 2000 : *value < 100 ? 1900 : 0;
        if (range.start < kFirst) return wrong("years begin with 1970");
      }
    }
    TC_CHECK(part("month", parts[parts.size() - 2], 1, 12, 12, out.month));
    return part("day", parts[parts.size() - 1], 1, 31, 31, out.day);
  }

  Status time(std::string_view word, Calendar& out) {
    const auto parts = split(word, ':');
    if (parts.size() != 2 && parts.size() != 3) return wrong("a time is HOUR:MINUTE or HOUR:MINUTE:SECOND");
    TC_CHECK(part("hour", parts[0], 0, 23, 23, out.hour));
    TC_CHECK(part("minute", parts[1], 0, 59, 59, out.minute));
    if (parts.size() == 2) {
      out.second = {{0, 0, 0}};
      return {};
    }
    return part("second", parts[2], 0, 59, 59, out.second);
  }

  Status part(const std::string& name, std::string_view text, int least, int most, int open_end,
              std::vector<CalendarRange>& out) {
    out.clear();
    if (text == "*") return {};
    for (std::string_view item : split(text, ',')) {
      const auto bad = [&](const std::string& why) {
        return wrong("the " + name + " \"" + std::string(item) + "\" " + why);
      };
      CalendarRange range;
      const std::size_t slash = item.find('/');
      if (slash != std::string_view::npos) {
        const auto step = number(item.substr(slash + 1));
        if (!step || *step == 0) return bad("has a step that is not a number from 1 upwards");
        range.step = *step;
      }
      const std::string_view values = item.substr(0, slash);
      const std::size_t dots = values.find("..");
      const auto start = number(values.substr(0, dots));
      const auto stop = dots == std::string_view::npos ? start : number(values.substr(dots + 2));
      if (!start || !stop) return bad("is not a number, list, range or *");
      if (*start < least || *stop > most || *start > most) {
        return bad("lies outside " + std::to_string(least) + ".." + std::to_string(most));
      }
      if (*start > *stop) return bad("goes backwards");
      // systemd takes that for every part but this one.
      if (dots != std::string_view::npos && range.step == 0 && *start == *stop && name == "second")
        return bad("is a range of one value");
      if (dots == std::string_view::npos && *start + range.step > most) return bad("has a step that is never reached");
      range.start = *start;
      range.stop = *stop;
      if (dots == std::string_view::npos && range.step > 0) range.stop = open_end;
      if (dots != std::string_view::npos && range.step == 0) range.step = 1;
      out.push_back(range);
    }
    return {};
  }

  static constexpr int kFirst = 1970;
  std::string_view text_;
};

}  // namespace

Result<Calendar> parse_calendar(std::string_view text) { return Parser(text).run(); }

}  // namespace tclone::policies
