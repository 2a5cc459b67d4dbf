//! The page, and what it may do: only its own script and style, known by their hashes.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};

/// The page, as it was built.
pub(super) const PAGE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../editors/timeline/dist/timeline.html"));

/// What stands inside the elements of a name.
fn inside<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find(&open) {
        let Some(start) = rest[at..].find('>').map(|end| at + end + 1) else { break };
        let Some(end) = rest[start..].find(&close).map(|end| start + end) else { break };
        found.push(&rest[start..end]);
        rest = &rest[end + close.len()..];
    }
    found
}

fn sources(page: &str, name: &str) -> String {
    let hashes: Vec<String> = inside(page, name)
        .into_iter()
        .map(|text| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes()))))
        .collect();
    if hashes.is_empty() { "'none'".into() } else { hashes.join(" ") }
}

fn policy_of(page: &str) -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'",
        sources(page, "script"),
        sources(page, "style"),
    )
}

/// The policy that goes with every answer.
pub(super) fn policy() -> HeaderValue {
    static POLICY: OnceLock<HeaderValue> = OnceLock::new();
    POLICY
        .get_or_init(|| {
            HeaderValue::from_str(&policy_of(PAGE))
                .unwrap_or(HeaderValue::from_static("default-src 'none'"))
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_script_and_one_style_may_run() {
        assert_eq!(inside(PAGE, "script").len(), 1, "the page has one script");
        assert_eq!(inside(PAGE, "style").len(), 1, "the page has one style");
        let policy = policy_of("<style nonce=\"\">a</style><script nonce=\"\">b</script>");
        // By `printf a | openssl dgst -sha256 -binary | base64`.
        assert!(policy.contains("style-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='"));
        assert!(
            policy.contains("script-src 'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='")
        );
        assert!(!policy.contains("unsafe"));
    }
}
