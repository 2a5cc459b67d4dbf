#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// Parameters of `initialize` that are odd in one way each, and what must be left of them at a JSON
/// pointer.
/// With lsp-types alone the first eight are refused, and the editor has no server.
pub(crate) fn odd_initialize_params() -> Vec<(Value, &'static str, Value)> {
    let caps = |capabilities: Value| json!({ "processId": null, "capabilities": capabilities });
    vec![
        (json!({"trace": "compact", "capabilities": {}}), "/trace", Value::Null),
        (
            caps(json!({"workspace": {"workspaceEdit": {
                "resourceOperations": ["create", "copy"], "documentChanges": true}}})),
            "/capabilities/workspace/workspaceEdit",
            json!({"resourceOperations": ["create"], "documentChanges": true}),
        ),
        (
            caps(json!({"workspace": {"applyEdit": true,
                "workspaceEdit": {"failureHandling": "pray"}}})),
            "/capabilities/workspace",
            json!({"applyEdit": true, "workspaceEdit": {}}),
        ),
        (
            caps(json!({"textDocument": {"hover": {"contentFormat": ["html", "markdown"]}}})),
            "/capabilities/textDocument/hover/contentFormat",
            json!(["markdown"]),
        ),
        (
            caps(json!({"textDocument": {"foldingRange": {
                "foldingRangeKind": {"valueSet": ["comment", "chapter"]}}}})),
            "/capabilities/textDocument/foldingRange/foldingRangeKind/valueSet",
            json!(["comment"]),
        ),
        (json!({"processId": -1, "capabilities": {}}), "/processId", Value::Null),
        (json!({"processId": 77.0, "capabilities": {}}), "/processId", json!(77)),
        (json!({"rootUri": "/home/me", "capabilities": {}}), "/rootUri", json!("file:///home/me")),
        (json!({"processId": "77", "capabilities": {}}), "/processId", json!(77)),
        (json!({"processId": 1e300, "capabilities": {}}), "/processId", Value::Null),
        (json!({"rootUri": "", "capabilities": {}}), "/rootUri", Value::Null),
        (json!({"rootUri": 7, "capabilities": {}}), "/rootUri", Value::Null),
        (
            json!({"rootUri": "vscode-vfs://github/a/b", "capabilities": {}}),
            "/rootUri",
            json!("vscode-vfs://github/a/b"),
        ),
        (json!({"processId": null}), "/capabilities", json!({})),
        (json!({"capabilities": null}), "/capabilities", json!({})),
        (json!({"capabilities": []}), "/capabilities", json!({})),
        (json!({"capabilities": {"workspace": [], "window": 7}}), "/capabilities", json!({})),
        (
            json!({"capabilities": {}, "workspaceFolders": "file:///a"}),
            "/workspaceFolders",
            Value::Null,
        ),
        (
            json!({"capabilities": {}, "workspaceFolders": [
                {"uri": "/a/b"}, "file:///c/", {"name": "lost"}, 7, {"uri": "file:///d", "name": "D"}]}),
            "/workspaceFolders",
            json!([{"uri": "file:///a/b", "name": "b"}, {"uri": "file:///c/", "name": "c"},
                {"uri": "file:///d", "name": "D"}]),
        ),
        (
            json!({"capabilities": {}, "clientInfo": {"name": "x", "version": 7}}),
            "/clientInfo",
            json!({"name": "x"}),
        ),
        (json!({"capabilities": {}, "clientInfo": {"version": "7"}}), "/clientInfo", Value::Null),
        (
            json!({"capabilities": {}, "locale": ["de"], "rootPath": false, "workDoneToken": {}}),
            "/locale",
            Value::Null,
        ),
        (
            caps(json!({"textDocument": {"completion": {"completionItem": {"documentationFormat":
                ["markdown", 3], "tagSupport": {"valueSet": [1, 99]}}}},
                "notebookDocument": {"synchronization": {}}})),
            "/capabilities/textDocument/completion/completionItem/documentationFormat",
            json!(["markdown"]),
        ),
        (
            caps(json!({"general": {"positionEncodings": ["utf-16", "utf-8", 9],
                "staleRequestSupport": {"cancel": true}}})),
            "/capabilities/general/positionEncodings",
            json!(["utf-16", "utf-8"]),
        ),
        (json!([1, 2]), "/capabilities", json!({})),
        (Value::Null, "/capabilities", json!({})),
        (json!("hello"), "/capabilities", json!({})),
    ]
}

#[test]
fn no_odd_initialize_is_refused_and_little_of_it_is_lost() {
    for (params, pointer, left) in odd_initialize_params() {
        let sound = normalise(Some(params.clone()));
        assert!(decodes!(InitializeParams, &sound), "{params} became {sound}");
        let got = sound.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(got, left, "{pointer} of {params}");
        ClientInfo::from_params(&params);
    }
    assert!(decodes!(InitializeParams, &normalise(None)));
}

#[test]
fn what_was_refused_without_us_is_still_refused() {
    // If this fails, lsp-types has become lenient and this module may become smaller.
    let refused = odd_initialize_params()
        .into_iter()
        .take(8)
        .filter(|(params, ..)| !decodes!(InitializeParams, params))
        .count();
    assert_eq!(refused, 8);
}

#[test]
fn sound_parameters_stay_as_they_are() {
    let params = json!({
        "processId": 4711,
        "rootPath": "/w",
        "rootUri": "file:///w",
        "initializationOptions": {"trace": {"path": "x"}},
        "capabilities": {
            "workspace": {"configuration": true, "diagnostics": {"refreshSupport": true}},
            "textDocument": {"codeLens": {"dynamicRegistration": true}},
            "experimental": {"anything": [1, {"goes": null}]},
            "ofTomorrow": {"x": 1}
        },
        "trace": "verbose",
        "workspaceFolders": [{"uri": "file:///w", "name": "w"}],
        "clientInfo": {"name": "Neovim", "version": "0.12"},
        "locale": "en"
    });
    assert_eq!(normalise(Some(params.clone())), params);
}

#[test]
fn one_bad_word_deep_down_costs_nothing_beside_it() {
    let deep = (0..100).fold(json!("x"), |inner, _| json!([inner]));
    let params = json!({"capabilities": {
        "workspace": {"symbol": {"tagSupport": {"valueSet": deep}}, "applyEdit": true},
        "window": {"workDoneProgress": true}
    }});
    let sound = normalise(Some(params));
    assert_eq!(sound["capabilities"]["workspace"]["applyEdit"], json!(true));
    assert_eq!(sound["capabilities"]["window"]["workDoneProgress"], json!(true));
}

#[test]
fn capabilities_are_read_from_where_editors_put_them() {
    let all = ClientCapabilities::from_json(&json!({
        "workspace": {
            "codeLens": {"refreshSupport": true},
            "inlayHint": {"refreshSupport": true},
            "diagnostics": {"refreshSupport": true},
            "configuration": true,
            "didChangeWatchedFiles": {"dynamicRegistration": true}
        },
        "window": {"workDoneProgress": true, "showDocument": {"support": true}},
        "textDocument": {"hover": {"contentFormat": ["html", "markdown", "plaintext"]}},
        "general": {"positionEncodings": ["utf-32", "utf-16"]},
        "experimental": {
            "hoverDialect": "vscode",
            "commands": {"commands": ["x.show"]},
            "decorations": true,
            "timeline": "webview"
        }
    }));
    let expected = ClientCapabilities {
        code_lens_refresh: true,
        inlay_hint_refresh: true,
        diagnostic_refresh: true,
        work_done_progress: true,
        show_document: true,
        configuration: true,
        dynamic_watched_files: true,
        hover_markdown: true,
        hover_dialect: HoverDialect::VsCode,
        own_commands: true,
        commands: vec!["x.show".into()],
        decorations: true,
        timeline: Some(Timeline::WebView),
        position_encodings: vec!["utf-32".into(), "utf-16".into()],
    };
    assert_eq!(all, expected);

    let old_name = json!({"workspace": {"diagnostic": {"refreshSupport": true}}});
    assert!(ClientCapabilities::from_json(&old_name).diagnostic_refresh);
    for nothing in [json!({}), json!(null), json!({"workspace": 7, "experimental": "x"})] {
        assert_eq!(ClientCapabilities::from_json(&nothing), ClientCapabilities::default());
    }
}

#[test]
fn roots_come_from_the_newest_member_that_names_a_folder() {
    let roots = |params: Value| ClientInfo::from_params(&params).roots;
    let old = json!({"rootUri": "file:///uri%20x", "rootPath": "/path"});
    assert_eq!(roots(old), [PathBuf::from("/uri x")]);
    assert_eq!(roots(json!({"rootUri": null, "rootPath": "/path"})), [PathBuf::from("/path")]);
    assert_eq!(roots(json!({"rootUri": "/plain"})), [PathBuf::from("/plain")]);
    let folders = json!({
        "rootUri": "file:///uri",
        "workspaceFolders": [{"uri": "file:///a", "name": "a"}, {"uri": "vscode-vfs://x/y"}, "/b",
            {"uri": "file:///a"}]
    });
    assert_eq!(roots(folders), [PathBuf::from("/a"), PathBuf::from("/b")]);
    let none = json!({"rootUri": "file:///uri", "workspaceFolders": []});
    assert_eq!(roots(none), [PathBuf::from("/uri")]);
    assert!(roots(json!({"rootUri": "untitled:x", "rootPath": "relative"})).is_empty());
}
