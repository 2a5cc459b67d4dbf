//! Reads what an editor says about itself in `initialize`, and repairs it for the types that come
//! after.
//!
//! The closed enums of lsp-types refuse a whole `initialize` for one unknown word in it (`trace:
//! "compact"`, a new `contentFormat`), and the editor then has no server at all. So the JSON is
//! read twice: leniently into [`ClientInfo`], which is all that Waitline goes by, and, cut down by
//! [`normalise`] to what decodes, by tower-lsp. No input whatsoever makes either of the two fail.

use std::path::{Path, PathBuf};

use lsp_types::{ClientCapabilities as TypedCapabilities, InitializeParams, TraceValue, Url};
use serde_json::{Map, Value, json};

use crate::paths;

/// Whether a JSON value decodes as a type. A macro, because serde is no dependency of this crate
/// and the bound of a function could not be written.
macro_rules! decodes {
    ($type:ty, $value:expr) => {
        serde_json::from_value::<$type>(Value::clone($value)).is_ok()
    };
}

/// The editor at the other end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientInfo {
    /// The editor's process, which the server must not outlive.
    pub process_id: Option<u32>,
    /// What the editor calls itself, such as `Neovim`.
    pub name: Option<String>,
    /// The editor's version, in its own words.
    pub version: Option<String>,
    /// What the editor can do.
    pub capabilities: ClientCapabilities,
    /// The folders that are open: `workspaceFolders`, else `rootUri`, else `rootPath`.
    /// Folders that are no files (`vscode-vfs:`) are left out.
    pub roots: Vec<PathBuf>,
    /// `initializationOptions` as they came, `null` when there were none.
    pub initialization_options: Value,
}

/// What the editor can do, as far as it makes a difference to Waitline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientCapabilities {
    /// Asks for code lenses again after `workspace/codeLens/refresh`.
    pub code_lens_refresh: bool,
    /// Asks for inlay hints again after `workspace/inlayHint/refresh`.
    pub inlay_hint_refresh: bool,
    /// Asks for diagnostics again after `workspace/diagnostic/refresh`.
    pub diagnostic_refresh: bool,
    /// Shows progress that the server begins.
    pub work_done_progress: bool,
    /// Opens a file or a page for `window/showDocument`.
    pub show_document: bool,
    /// Answers `workspace/configuration`.
    pub configuration: bool,
    /// Watches files for the server.
    pub dynamic_watched_files: bool,
    /// Renders Markdown in hovers.
    pub hover_markdown: bool,
    /// The kind of Markdown that a hover may hold.
    pub hover_dialect: HoverDialect,
    /// Runs commands of Waitline's own, so lenses and hovers may offer them.
    pub own_commands: bool,
    /// Their names, as far as the editor told them.
    pub commands: Vec<String>,
    /// Draws `waitline/lineCosts` itself, so there must be no inlay hints as well.
    pub decorations: bool,
    /// How the editor shows the timeline, if it does.
    pub timeline: Option<Timeline>,
    /// The position encodings on offer, best first. Empty means UTF-16.
    pub position_encodings: Vec<String>,
}

/// The kind of Markdown that a hover may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HoverDialect {
    /// Reads well even where nothing is rendered.
    #[default]
    Plain,
    /// With command links and `$(icons)`.
    VsCode,
}

/// How an editor shows the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeline {
    /// In a panel of its own.
    WebView,
    /// In the browser, from a page that the server hands out.
    Browser,
    /// As text in a buffer.
    Text,
}

impl ClientInfo {
    /// Reads the parameters of `initialize` as they came. What makes no sense counts as not said.
    pub fn from_params(params: &Value) -> Self {
        let text = |pointer| params.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Self {
            process_id: params.get("processId").and_then(process_id),
            name: text("/clientInfo/name"),
            version: text("/clientInfo/version"),
            capabilities: ClientCapabilities::from_json(&params["capabilities"]),
            roots: roots(params),
            initialization_options: params["initializationOptions"].clone(),
        }
    }
}

impl ClientCapabilities {
    /// Whether a command can be run: one of the server's, or the editor's own of that name.
    pub fn runs(&self, command: &str) -> bool {
        !self.own_commands || self.commands.iter().any(|c| c == command)
    }

    /// Reads the `capabilities` of `initialize`. What makes no sense counts as not there.
    pub fn from_json(capabilities: &Value) -> Self {
        let yes = |pointer| capabilities.pointer(pointer) == Some(&Value::Bool(true));
        let text = |pointer| capabilities.pointer(pointer).and_then(Value::as_str);
        let texts = |pointer| texts(capabilities.pointer(pointer));
        Self {
            code_lens_refresh: yes("/workspace/codeLens/refreshSupport"),
            inlay_hint_refresh: yes("/workspace/inlayHint/refreshSupport"),
            // The specification says `diagnostics`, lsp-types 0.94 and its users `diagnostic`.
            diagnostic_refresh: yes("/workspace/diagnostics/refreshSupport")
                || yes("/workspace/diagnostic/refreshSupport"),
            work_done_progress: yes("/window/workDoneProgress"),
            show_document: yes("/window/showDocument/support"),
            configuration: yes("/workspace/configuration"),
            dynamic_watched_files: yes("/workspace/didChangeWatchedFiles/dynamicRegistration"),
            hover_markdown: texts("/textDocument/hover/contentFormat")
                .iter()
                .any(|format| format == "markdown"),
            hover_dialect: match text("/experimental/hoverDialect") {
                Some("vscode") => HoverDialect::VsCode,
                _ => HoverDialect::Plain,
            },
            // `{"commands": ["waitline.x", ...]}` is the documented form, the others cost nothing
            // to take.
            own_commands: yes("/experimental/commands")
                || !texts("/experimental/commands").is_empty()
                || !texts("/experimental/commands/commands").is_empty(),
            commands: texts("/experimental/commands/commands"),
            decorations: yes("/experimental/decorations"),
            timeline: match text("/experimental/timeline") {
                Some("webview") => Some(Timeline::WebView),
                Some("browser") => Some(Timeline::Browser),
                Some("text") => Some(Timeline::Text),
                _ => None,
            },
            position_encodings: texts("/general/positionEncodings"),
        }
    }
}

/// Gives parameters of `initialize` that [`InitializeParams`] takes, with as much of `params` as
/// decodes.
pub fn normalise(params: Option<Value>) -> Value {
    let Some(Value::Object(mut raw)) = params else {
        return minimal();
    };
    let mut take = |key: &str| raw.remove(key).filter(|value| !value.is_null());
    let mut sound = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            sound.insert(key.to_owned(), value);
        }
    };

    put("processId", Some(json!(take("processId").as_ref().and_then(process_id))));
    put("rootPath", take("rootPath").filter(Value::is_string));
    put(
        "rootUri",
        take("rootUri")
            .as_ref()
            .and_then(Value::as_str)
            .and_then(url)
            .map(|url| json!(url.as_str())),
    );
    put("initializationOptions", take("initializationOptions"));
    put("trace", take("trace").filter(|trace| decodes!(TraceValue, trace)));
    put("locale", take("locale").filter(Value::is_string));
    put("workspaceFolders", take("workspaceFolders").as_ref().and_then(workspace_folders));
    put(
        "clientInfo",
        take("clientInfo")
            .and_then(|info| prune(info, &|info| decodes!(lsp_types::ClientInfo, info))),
    );
    let capabilities = take("capabilities")
        .and_then(|all| prune(all, &|all| all.is_object() && decodes!(TypedCapabilities, all)));
    put("capabilities", Some(capabilities.unwrap_or_else(|| json!({}))));

    let sound = Value::Object(sound);
    // Cannot be otherwise by what is above; but if it were, an editor with few capabilities is
    // still served.
    if decodes!(InitializeParams, &sound) { sound } else { minimal() }
}

fn minimal() -> Value {
    json!({ "processId": null, "capabilities": {} })
}

/// Removes from `value` the smallest parts that keep it from being accepted. `None` when nothing is
/// left.
///
/// An object is tried member by member, each one alone. Where a type has several required members
/// none is accepted alone, and the whole object goes: a capability is lost, not the editor.
fn prune(value: Value, accepts: &dyn Fn(&Value) -> bool) -> Option<Value> {
    if accepts(&value) {
        return Some(value);
    }
    let kept = match value {
        Value::Object(members) => members
            .into_iter()
            .filter_map(|(key, member)| {
                let alone = |member: &Value| {
                    accepts(&Value::Object(Map::from_iter([(key.clone(), member.clone())])))
                };
                let member = prune(member, &alone)?;
                Some((key, member))
            })
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .filter_map(|item| prune(item, &|item| accepts(&Value::Array(vec![item.clone()]))))
            .collect(),
        _ => return None,
    };
    accepts(&kept).then_some(kept)
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Editors have sent `-1`, `1234.0` and `"1234"`. Zero is nobody's process.
fn process_id(value: &Value) -> Option<u32> {
    let id = match value {
        Value::Number(number) => match number.as_u64() {
            Some(id) => id,
            None => number.as_f64().filter(|id| id.fract() == 0.0 && *id >= 0.0)? as u64,
        },
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    u32::try_from(id).ok().filter(|id| *id != 0)
}

/// A URL, or a path that somebody wrote where a URL belongs.
fn url(text: &str) -> Option<Url> {
    match Url::parse(text) {
        // One letter is a drive, not a scheme.
        Ok(url) if url.scheme().len() > 1 => Some(url),
        _ => paths::uri(Path::new(text)),
    }
}

fn path(text: &str) -> Option<PathBuf> {
    if Path::new(text).is_absolute() {
        return Some(PathBuf::from(text));
    }
    let url = url(text).filter(|url| url.scheme() == "file")?;
    url.to_file_path().ok()
}

/// The URL of one of the `workspaceFolders`, which may also be a bare string.
fn folder_text(folder: &Value) -> Option<&str> {
    folder.as_str().or_else(|| folder.get("uri")?.as_str())
}

fn workspace_folders(folders: &Value) -> Option<Value> {
    let folders = folders.as_array()?.iter().filter_map(|folder| {
        let url = url(folder_text(folder)?)?;
        let name = match folder.get("name").and_then(Value::as_str) {
            Some(name) => name.to_owned(),
            None => url.path_segments()?.rfind(|name| !name.is_empty()).unwrap_or("/").to_owned(),
        };
        Some(json!({ "uri": url.as_str(), "name": name }))
    });
    Some(folders.collect())
}

fn roots(params: &Value) -> Vec<PathBuf> {
    let folders = params["workspaceFolders"].as_array().map_or(&[][..], Vec::as_slice);
    let mut roots: Vec<PathBuf> = Vec::new();
    for root in folders.iter().filter_map(folder_text).filter_map(path) {
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    if roots.is_empty() {
        let single = |key: &str| params[key].as_str().and_then(path);
        roots.extend(single("rootUri").or_else(|| single("rootPath")));
    }
    roots
}

#[cfg(test)]
pub(crate) mod tests;
