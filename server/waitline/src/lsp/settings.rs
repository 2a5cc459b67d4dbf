//! What a person sets in their editor, as `docs/settings.md` tells it.
//!
//! Settings come as `initializationOptions`, by `workspace/configuration` and in
//! `workspace/didChangeConfiguration`, nested or with dots in their names, below `waitline` or not.
//! What makes no sense counts as not said, and is told.

use std::collections::BTreeMap;

use ide::findings::{Code, Severity};
use ide::metric::Metric;
use ide::staleness::Mode;
use ide::view::Silenced;
use serde_json::Value;

use crate::nearest::slip;
use crate::workspace::Choices;

/// The settings that the server goes by.
pub(super) const KEYS: [&str; 16] = [
    "trace.file",
    "trace.globs",
    "trace.autoLoad",
    "trace.watch",
    "metric",
    "substitutePath",
    "exclude",
    "findings.disabled",
    "findings.severity",
    "findings.max",
    "codeLens.enable",
    "annotations.enable",
    "annotations.minDuration",
    "stale.mode",
    "limits.memory",
    "cache",
];

/// What clients keep beside them, for themselves: a name, or with a dot at its end a group.
const OF_CLIENTS: [&str; 12] = [
    "enable",
    "server.",
    "trace.server",
    "annotations.",
    "heat.",
    "hover.",
    "timeline.",
    "codeLens.",
    "findings.enable",
    "hotspots.",
    "log.",
    "auto_enable",
];

/// Settings, as they are now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    /// The trace to show.
    pub(super) trace: Option<String>,
    /// Where traces are looked for, below each folder.
    pub(super) globs: Vec<String>,
    /// Whether the newest trace that is found is shown.
    pub(super) load_latest: bool,
    /// Whether a trace that changes is loaded again.
    pub(super) watch: bool,
    /// How the trace is placed and judged: what takes a load to change.
    pub(super) choices: Choices,
    pub(super) lenses: bool,
    pub(super) hints: bool,
    /// The least time that a line must cost to carry figures at its end, in nanoseconds.
    pub(super) least_ns: i64,
    pub(super) stale: Mode,
    /// What lines show and are coloured by.
    pub(super) metric: Metric,
    /// The most memory that a trace may take, and all that are loaded together, in bytes.
    pub(super) memory: u64,
    /// Whether something of traces is kept for the next time.
    pub(super) cache: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            trace: None,
            globs: vec!["**/*.trace".into(), "**/trace.out".into()],
            load_latest: false,
            watch: true,
            choices: Choices { most: Some(50), ..Choices::default() },
            lenses: true,
            hints: true,
            least_ns: ide::view::MIN_SHOWN_NS,
            stale: Mode::Mark,
            metric: Metric::Impact,
            memory: 4 << 30,
            cache: true,
        }
    }
}

/// Settings by their names, with what was said of each last.
pub(super) type Said = BTreeMap<String, Value>;

impl Settings {
    /// Reads what was said. Also sentences about what makes no sense.
    pub(super) fn read(said: &Said) -> (Settings, Vec<String>) {
        let mut made = Settings::default();
        let mut complaints = Vec::new();
        for (key, value) in said {
            if let Err(wanted) = made.set(key, value) {
                complaints.push(format!(
                    "waitline.{key}: {} is wanted, not {}",
                    wanted,
                    ide::text::plain(&value.to_string().chars().take(80).collect::<String>())
                ));
            }
        }
        (made, complaints)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), &'static str> {
        let yes_or_no = || value.as_bool().ok_or("true or false");
        let text = || value.as_str().ok_or("a text");
        match key {
            "trace.file" => {
                self.trace = Some(text()?).filter(|t| !t.is_empty()).map(str::to_owned);
            }
            "trace.globs" => self.globs = texts(value)?,
            "trace.autoLoad" => {
                self.load_latest = match text()? {
                    "latest" => true,
                    // What is to be asked, the client asks.
                    "off" | "ask" => false,
                    _ => return Err("off, ask or latest"),
                };
            }
            "trace.watch" => self.watch = yes_or_no()?,
            "metric" => {
                let wanted = "impact, block, sched, gcAssist or syscall";
                self.metric = Metric::parse(text()?).ok_or(wanted)?;
            }
            "substitutePath" => {
                let wanted = "a list of {\"from\": a folder here, \"to\": what the trace has}";
                let rules = value.as_array().ok_or(wanted)?.iter().map(|rule| {
                    let part = |name: &str| rule.get(name)?.as_str().map(str::to_owned);
                    part("from").zip(part("to")).ok_or(wanted)
                });
                self.choices.rules = rules.collect::<Result<_, _>>()?;
            }
            "exclude" => self.choices.exclude = texts(value)?,
            "findings.disabled" => {
                let wanted = "a list of codes (docs/findings names them)";
                let codes = texts(value)?;
                let codes = codes.iter().map(|code| Code::parse(code).ok_or(wanted));
                let silenced = codes
                    .map(|code| code.map(|code| Silenced { code, package: String::new() }))
                    .collect::<Result<_, _>>()?;
                self.choices.silenced = silenced;
            }
            "findings.severity" => {
                let wanted = "an object of codes with error, warning, information or hint";
                let of = value.as_object().ok_or(wanted)?.iter().map(|(code, severity)| {
                    let severity = severity.as_str().and_then(Severity::parse);
                    Code::parse(code).zip(severity).ok_or(wanted)
                });
                self.choices.severities = of.collect::<Result<_, _>>()?;
            }
            "findings.max" => {
                let most = value.as_u64().ok_or("a number from 0")?;
                self.choices.most = Some(usize::try_from(most).unwrap_or(usize::MAX));
            }
            "codeLens.enable" => self.lenses = yes_or_no()?,
            "annotations.enable" => self.hints = yes_or_no()?,
            "annotations.minDuration" => {
                self.least_ns = value
                    .as_str()
                    .and_then(nanoseconds)
                    .ok_or("a duration such as \"1ms\" or \"250us\"")?;
            }
            "stale.mode" => {
                self.stale = match text()? {
                    "mark" => Mode::Mark,
                    "hide" => Mode::Hide,
                    "ignore" => Mode::Ignore,
                    _ => return Err("mark, hide or ignore"),
                };
            }
            "limits.memory" => {
                self.memory = value
                    .as_str()
                    .and_then(bytes)
                    .ok_or("an amount such as \"4GiB\" or \"512MiB\", at least 16MiB")?;
            }
            "cache" => self.cache = yes_or_no()?,
            _ => {}
        }
        Ok(())
    }
}

fn texts(value: &Value) -> Result<Vec<String>, &'static str> {
    let items = value.as_array().ok_or("a list of texts")?.iter();
    items.map(|item| item.as_str().map(str::to_owned).ok_or("a list of texts")).collect()
}

/// `4GiB`, `1.5 GB`, `512MiB`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim().to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" => 1e3,
        "kib" => f64::from(1 << 10),
        "mb" => 1e6,
        "mib" | "m" => f64::from(1 << 20),
        "gb" => 1e9,
        "gib" | "g" => f64::from(1 << 30),
        _ => return None,
    };
    let bytes = number * unit;
    (bytes >= f64::from(16 << 20) && bytes < 1e18).then_some(bytes as u64)
}

/// `1ms`, `1.5s`, `250us`, `0`.
fn nanoseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim() {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "" if number == 0.0 => 1.0,
        _ => return None,
    };
    let ns = number * unit;
    (ns.is_finite() && ns < 1e18).then_some(ns as i64)
}

/// Takes a settings object apart: adds what it says to `said`, and gives a sentence for each name
/// that nobody knows.
pub(super) fn take(settings: &Value, said: &mut Said) -> Vec<String> {
    let mut unknown = Vec::new();
    let settings = settings.get("waitline").filter(|own| own.is_object()).unwrap_or(settings);
    let Some(members) = settings.as_object() else { return unknown };
    for (name, value) in members {
        // `{"trace": PATH}` is no setting, but the trace of `initializationOptions`.
        if !(name == "trace" && value.is_string()) {
            take_member(name, value, said, &mut unknown);
        }
    }
    unknown
}

fn take_member(name: &str, value: &Value, said: &mut Said, unknown: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    if KEYS.contains(&name) {
        said.insert(name.to_owned(), value.clone());
        return;
    }
    let group = format!("{name}.");
    if let Some(members) = value.as_object()
        && KEYS.iter().chain(&OF_CLIENTS).any(|key| key.starts_with(&group))
    {
        for (member, value) in members {
            take_member(&format!("{group}{member}"), value, said, unknown);
        }
        return;
    }
    if OF_CLIENTS.iter().any(|of| name == *of || (of.ends_with('.') && name.starts_with(of))) {
        return;
    }
    let shown = ide::text::plain(&name.chars().take(80).collect::<String>());
    unknown.push(match like(name) {
        Some(key) => format!("there is no setting waitline.{shown}: did you mean waitline.{key}?"),
        None => format!("there is no setting waitline.{shown} (docs/settings.md names them)"),
    });
}

/// The setting that was probably meant.
fn like(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let near = |key: &&'static str| {
        // With more before it, or a slip of the hand.
        if lower.ends_with(&format!(".{}", key.to_lowercase())) {
            return Some(0);
        }
        slip(name, key)
    };
    let near = KEYS.iter().filter_map(|key| near(key).map(|distance| (distance, *key)));
    near.min().map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn read(value: Value) -> (Settings, Vec<String>) {
        let mut said = Said::new();
        let mut all = take(&value, &mut said);
        let (settings, complaints) = Settings::read(&said);
        all.extend(complaints);
        (settings, all)
    }

    #[test]
    fn nested_or_dotted_below_waitline_or_not() {
        for value in [
            json!({ "waitline": { "findings": { "max": 7 }, "codeLens": { "enable": false } } }),
            json!({ "findings": { "max": 7 }, "codeLens.enable": false }),
            json!({ "findings.max": 7, "codeLens": { "enable": false }, "trace": "x.trace" }),
            json!({ "findings.max": 7, "codeLens.enable": false, "trace": null, "exclude": null }),
        ] {
            let (settings, complaints) = read(value.clone());
            assert_eq!(settings.choices.most, Some(7), "{value}");
            assert!(!settings.lenses, "{value}");
            assert_eq!(complaints, Vec::<String>::new(), "{value}");
        }
        for value in [json!(null), json!([]), json!(7), json!({ "waitline": {} })] {
            assert_eq!(read(value), (Settings::default(), Vec::new()));
        }
    }

    #[test]
    fn every_setting_is_read_and_what_makes_no_sense_is_told() {
        let sound = json!({
            "trace.file": "a.trace", "trace.globs": ["*.t"], "trace.autoLoad": "latest",
            "trace.watch": false, "substitutePath": [{ "from": "/a", "to": "/b" }],
            "exclude": ["gen/**"], "findings.disabled": ["fine-handoff"],
            "findings.severity": { "starved": "error" }, "findings.max": 3,
            "codeLens.enable": false, "annotations.enable": false,
            "annotations.minDuration": "2.5ms", "stale.mode": "hide",
            "limits.memory": "512 MiB", "metric": "block", "cache": false,
        });
        let (settings, complaints) = read(sound.clone());
        assert_eq!(complaints, Vec::<String>::new());
        let names = sound.as_object().unwrap();
        assert_eq!(names.len(), KEYS.len());
        assert_eq!(settings.least_ns, 2_500_000);
        assert_eq!(settings.memory, 512 << 20);
        assert_eq!(settings.choices.rules, [("/a".to_owned(), "/b".to_owned())]);
        // Each of them differs from what is without it, and none takes another kind of value.
        for (name, value) in names {
            let (alone, _) = read(json!({ (name.as_str()): value }));
            assert_ne!(alone, Settings::default(), "{name}");
            let (kept, complaints) = read(json!({ (name.as_str()): { "x": [1.5] } }));
            assert_eq!(kept, Settings::default(), "{name}");
            assert_eq!(complaints.len(), 1, "{name}");
        }
    }

    #[test]
    fn unknown_names_get_a_suggestion() {
        for (name, like) in [
            ("trace.glob", Some("trace.globs")),
            ("globs", Some("trace.globs")),
            ("substitutePaths", Some("substitutePath")),
            ("SubstitutePath", Some("substitutePath")),
            ("findings.disable", Some("findings.disabled")),
            ("trace.autoload", Some("trace.autoLoad")),
            ("stale.mod", Some("stale.mode")),
            ("limit.memory", Some("limits.memory")),
            ("memory", Some("limits.memory")),
            ("frobnicate", None),
        ] {
            let (settings, complaints) = read(json!({ name: true }));
            assert_eq!(settings, Settings::default());
            assert_eq!(complaints.len(), 1, "{name}: {complaints:?}");
            let said = like.map(|key| format!("did you mean waitline.{key}?"));
            let is = said.map_or(!complaints[0].contains("did you mean"), |said| {
                complaints[0].ends_with(&said)
            });
            assert!(is, "{name}: {complaints:?}");
        }
        // Those of clients are theirs.
        let theirs = json!({ "enable": true, "heat": { "levels": [1] }, "server.path": "x",
            "annotations": { "position": "eol" }, "timeline.open": "beside" });
        assert_eq!(read(theirs), (Settings::default(), Vec::new()));
    }

    #[test]
    fn amounts_of_memory() {
        for (text, n) in [
            ("4GiB", Some(4 << 30)),
            ("1.5 GB", Some(1_500_000_000)),
            ("16MiB", Some(16 << 20)),
            ("20M", Some(20 << 20)),
            ("15MiB", None),
            ("4", None),
            ("-4GiB", None),
            ("1e9", None),
            ("lots", None),
        ] {
            assert_eq!(bytes(text), n, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, ns) in [
            ("1ms", Some(1_000_000)),
            ("250us", Some(250_000)),
            ("0", Some(0)),
            ("1.5 s", Some(1_500_000_000)),
            ("1", None),
            ("ms", None),
            ("-1ms", None),
            ("1e99s", None),
        ] {
            assert_eq!(nanoseconds(text), ns, "{text}");
        }
    }
}
