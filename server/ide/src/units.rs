//! Figures as people read them: durations, counts, shares and sizes as short text.
//!
//! One rule for every surface: three significant digits, at most two decimals, the unit chosen per
//! value after rounding.
//! Which figure is shown, and with what words around it, is left to the callers.

/// What stands where there is no figure: a share of nothing, a cell without a value.
pub const NONE: &str = "–";

/// A unit of time, for columns whose head names the unit once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DurationUnit {
    /// Nanoseconds, `ns`.
    Nanoseconds,
    /// Microseconds, `µs`.
    Microseconds,
    /// Milliseconds, `ms`.
    Milliseconds,
    /// Seconds, `s`.
    Seconds,
    /// Minutes, `min`.
    Minutes,
    /// Hours, `h`.
    Hours,
}

impl DurationUnit {
    const ALL: [Self; 6] = [
        Self::Nanoseconds,
        Self::Microseconds,
        Self::Milliseconds,
        Self::Seconds,
        Self::Minutes,
        Self::Hours,
    ];

    /// The unit in which `duration` writes this value; for a column, give it the largest one.
    pub fn of(ns: i64) -> Self {
        let magnitude = u128::from(ns.unsigned_abs());
        Self::ALL
            .into_iter()
            .find(|unit| Fixed::round(magnitude, unit.ns()).is_below(unit.limit()))
            .unwrap_or(Self::Hours)
    }

    /// The symbol: `ns`, `µs`, `ms`, `s`, `min`, `h`.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "µs",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Minutes => "min",
            Self::Hours => "h",
        }
    }

    /// The length of one unit in nanoseconds.
    fn ns(self) -> u128 {
        match self {
            Self::Nanoseconds => 1,
            Self::Microseconds => 1_000,
            Self::Milliseconds => 1_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Hours => 3_600_000_000_000,
        }
    }

    /// From this rounded value on, the next unit reads better.
    fn limit(self) -> u128 {
        match self {
            // "1.67 h" rather than "100 min": nobody counts hundreds of minutes.
            Self::Minutes => 100,
            Self::Hours => u128::MAX,
            _ => 1_000,
        }
    }
}

/// A duration of `ns` nanoseconds with its unit: `444 ms`, `1.25 ms`, `14.7 µs`, `9.60 s`, `0`.
pub fn duration(ns: i64) -> String {
    if ns == 0 {
        return "0".to_owned();
    }
    let unit = DurationUnit::of(ns);
    format!("{} {}", duration_in(ns, unit), unit.symbol())
}

/// From when to when, in nanoseconds, in the unit of the later one: `100–200 ms`.
pub fn range(t0: i64, t1: i64) -> String {
    let unit = DurationUnit::of(t1);
    format!("{}–{} {}", duration_in(t0, unit), duration_in(t1, unit), unit.symbol())
}

/// A duration of `ns` nanoseconds as a number of `unit`s, for a column that names its unit once:
/// `1.25`, `0`, `< 0.01`.
pub fn duration_in(ns: i64, unit: DurationUnit) -> String {
    if unit == DurationUnit::Nanoseconds {
        // There are no fractions of a nanosecond to be shown.
        return format!("{}{}", sign(ns < 0), grouped(u128::from(ns.unsigned_abs())));
    }
    fraction(i128::from(ns), i128::try_from(unit.ns()).unwrap_or(1))
}

/// A count: grouped up to `99,999`, then three digits with `k`, `M`, `G`, …: `128k`, `1.20M`.
pub fn count(n: u64) -> String {
    const STEPS: [(u128, &str); 6] = [
        (1_000, "k"),
        (1_000_000, "M"),
        (1_000_000_000, "G"),
        (1_000_000_000_000, "T"),
        (1_000_000_000_000_000, "P"),
        (1_000_000_000_000_000_000, "E"),
    ];
    let n = u128::from(n);
    if n < 100_000 {
        return grouped(n);
    }
    for (size, suffix) in STEPS {
        let rounded = Fixed::round(n, size);
        if rounded.is_below(1_000) {
            return format!("{rounded}{suffix}");
        }
    }
    grouped(n)
}

/// `1 wait`, `3 waits`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A share with three digits: `38.0 %`, `0.52 %`, `< 0.01 %`, `> 99.9 %`, `100 %`; [`NONE`] of
/// nothing.
///
/// Only all of it is `100 %`: a share that would round up to it says `> 99.9 %`, since "all" and
/// "nearly all" call for different conclusions.
pub fn percent(part: impl Into<i128>, whole: impl Into<i128>) -> String {
    let (part, whole) = (part.into(), whole.into());
    if whole <= 0 {
        return NONE.to_owned();
    }
    let text = fraction(part.saturating_mul(100), whole);
    if part < whole && text == "100" { "> 99.9 %".to_owned() } else { format!("{text} %") }
}

/// A share as it stands in a line, where room is scarce: `36 %`, `< 1 %`, `> 99 %`; [`NONE`] of
/// nothing.
pub fn percent_short(part: impl Into<i128>, whole: impl Into<i128>) -> String {
    let (part, whole) = (part.into(), whole.into());
    if whole <= 0 {
        return NONE.to_owned();
    }
    let magnitude = part.unsigned_abs();
    let rounded = divide_rounded(magnitude.saturating_mul(100), whole.unsigned_abs());
    let sign = sign(part < 0);
    match rounded {
        0 if magnitude > 0 => "< 1 %".to_owned(),
        100 if magnitude < whole.unsigned_abs() => "> 99 %".to_owned(),
        _ => format!("{sign}{} %", grouped(rounded)),
    }
}

/// `part / whole` as a plain number, such as waiters on average: `0.60`, `12.4`, `< 0.01`, `0`;
/// [`NONE`] when there is no whole.
pub fn ratio(part: impl Into<i128>, whole: impl Into<i128>) -> String {
    let whole = whole.into();
    if whole <= 0 { NONE.to_owned() } else { fraction(part.into(), whole) }
}

/// A size of `n` bytes in binary units: `820 B`, `3.60 MiB`, `0.98 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let n = u128::from(n);
    if n < 1_000 {
        return if n == 0 { "0".to_owned() } else { format!("{n} B") };
    }
    for (power, unit) in UNITS.iter().enumerate().skip(1) {
        let rounded = Fixed::round(n, 1 << (10 * power));
        if rounded.is_below(1_000) {
            return format!("{rounded} {unit}");
        }
    }
    format!("{} B", grouped(n))
}

/// A number that is rounded already to what will be shown: three digits, at most two decimals.
struct Fixed {
    /// The value times ten to the power of `decimals`.
    scaled: u128,
    decimals: u32,
}

impl Fixed {
    /// Rounds `value / unit`, half up. The number of decimals follows the rounded value, so that
    /// 9.996 is "10.0" and not "10.00".
    fn round(value: u128, unit: u128) -> Self {
        for decimals in [2, 1] {
            let scaled = divide_rounded(value.saturating_mul(10_u128.pow(decimals)), unit);
            if scaled < 1_000 {
                return Self { scaled, decimals };
            }
        }
        Self { scaled: divide_rounded(value, unit), decimals: 0 }
    }

    fn is_below(&self, limit: u128) -> bool {
        self.scaled < limit.saturating_mul(10_u128.pow(self.decimals))
    }
}

impl std::fmt::Display for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = 10_u128.pow(self.decimals);
        f.write_str(&grouped(self.scaled / one))?;
        match usize::try_from(self.decimals) {
            Ok(width) if width > 0 => write!(f, ".{:0width$}", self.scaled % one),
            _ => Ok(()),
        }
    }
}

/// `value / unit` without a unit: zero is "0", what would round to it is "< 0.01".
fn fraction(value: i128, unit: i128) -> String {
    let magnitude = value.unsigned_abs();
    if magnitude == 0 {
        return "0".to_owned();
    }
    let rounded = Fixed::round(magnitude, unit.unsigned_abs());
    if rounded.scaled == 0 {
        return "< 0.01".to_owned();
    }
    format!("{}{rounded}", sign(value < 0))
}

fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "" }
}

fn divide_rounded(value: u128, unit: u128) -> u128 {
    let unit = unit.max(1);
    value.saturating_add(unit / 2) / unit
}

/// `3120` as `3,120`.
fn grouped(n: u128) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_rounds_first_and_then_chooses_the_unit() {
        let cases: &[(i64, &str)] = &[
            (0, "0"),
            (1, "1 ns"),
            (820, "820 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (1_004, "1.00 µs"),
            (1_005, "1.01 µs"),
            (9_994, "9.99 µs"),
            (9_995, "10.0 µs"),
            (14_700, "14.7 µs"),
            (99_949, "99.9 µs"),
            (99_950, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (1_250_000, "1.25 ms"),
            (444_000_000, "444 ms"),
            (999_499_999, "999 ms"),
            (999_500_000, "1.00 s"),
            (9_600_000_000, "9.60 s"),
            (999_499_999_999, "999 s"),
            (999_500_000_000, "16.7 min"),
            (5_990_000_000_000, "99.8 min"),
            (5_996_999_999_999, "99.9 min"),
            (5_997_000_000_000, "1.67 h"),
            (3_600_000_000_000_000, "1,000 h"),
            (i64::MAX, "2,562,048 h"),
            (i64::MIN, "-2,562,048 h"),
            (-1_250_000, "-1.25 ms"),
        ];
        for &(ns, expected) in cases {
            assert_eq!(duration(ns), expected, "{ns} ns");
        }
    }

    #[test]
    fn duration_never_shows_zero_or_four_digits_around_any_power_of_ten() {
        for exponent in 0..16 {
            let power = 10_i64.pow(exponent);
            for step in -60..=60 {
                let ns = power + step * (power / 10_000).max(1);
                if ns <= 0 {
                    continue;
                }
                let text = duration(ns);
                let number = text.split(' ').next().unwrap_or_default();
                let digits = number.chars().filter(char::is_ascii_digit).count();
                assert!(digits <= 3 || text.ends_with(" h"), "{ns} ns is {text}");
                assert!(!number.starts_with("0"), "{ns} ns is {text}");
            }
        }
    }

    #[test]
    fn a_column_keeps_its_unit() {
        let unit = DurationUnit::of(1_250_000);
        assert_eq!(unit.symbol(), "ms");
        assert_eq!(duration_in(1_250_000, unit), "1.25");
        assert_eq!(duration_in(4_999, unit), "< 0.01");
        assert_eq!(duration_in(5_000, unit), "0.01");
        assert_eq!(duration_in(0, unit), "0");
        assert_eq!(duration_in(1_234_500_000, unit), "1,235");
        assert_eq!(duration_in(1_234, DurationUnit::Nanoseconds), "1,234");
    }

    #[test]
    fn count_groups_and_then_shortens() {
        let cases: &[(u64, &str)] = &[
            (0, "0"),
            (7, "7"),
            (999, "999"),
            (1_000, "1,000"),
            (3_120, "3,120"),
            (99_999, "99,999"),
            (100_000, "100k"),
            (128_499, "128k"),
            (128_500, "129k"),
            (999_499, "999k"),
            (999_500, "1.00M"),
            (1_200_000, "1.20M"),
            (12_340_000, "12.3M"),
            (999_500_000, "1.00G"),
            (u64::MAX, "18.4E"),
        ];
        for &(n, expected) in cases {
            assert_eq!(count(n), expected, "{n}");
        }
    }

    #[test]
    fn percent_keeps_all_and_nothing_apart_from_nearly() {
        let cases: &[(i64, i64, &str, &str)] = &[
            (0, 0, "–", "–"),
            (1, 0, "–", "–"),
            (0, 7, "0 %", "0 %"),
            (1, 1_000_000, "< 0.01 %", "< 1 %"),
            (1, 20_000, "0.01 %", "< 1 %"),
            (1, 200, "0.50 %", "1 %"),
            (38, 100, "38.0 %", "38 %"),
            (9_994, 10_000, "99.9 %", "> 99 %"),
            (9_995, 10_000, "> 99.9 %", "> 99 %"),
            (1, 1, "100 %", "100 %"),
            (5, 4, "125 %", "125 %"),
            (-1, 4, "-25.0 %", "-25 %"),
            (i64::MAX, i64::MAX, "100 %", "100 %"),
        ];
        for &(part, whole, long, short) in cases {
            assert_eq!(percent(part, whole), long, "{part} of {whole}");
            assert_eq!(percent_short(part, whole), short, "{part} of {whole}");
        }
    }

    #[test]
    fn ratio_is_a_plain_number() {
        assert_eq!(ratio(3_i64, 5_i64), "0.60");
        assert_eq!(ratio(0_u64, 5_u64), "0");
        assert_eq!(ratio(1_u64, 1_000_u64), "< 0.01");
        assert_eq!(ratio(124_u64, 10_u64), "12.4");
        assert_eq!(ratio(9_996_u64, 10_u64), "1,000");
        assert_eq!(ratio(1_u64, 0_u64), NONE);
    }

    #[test]
    fn bytes_never_have_four_digits() {
        let cases: &[(u64, &str)] = &[
            (0, "0"),
            (820, "820 B"),
            (999, "999 B"),
            (1_000, "0.98 KiB"),
            (1_024, "1.00 KiB"),
            (1_022_976, "999 KiB"),
            (1_023_488, "0.98 MiB"),
            (3_774_874, "3.60 MiB"),
            (4 << 30, "4.00 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for &(n, expected) in cases {
            assert_eq!(bytes(n), expected, "{n}");
        }
    }
}
