//! Looks at a request before anything is done for it.
//!
//! A page of another site cannot ask in the user's name: not by a name of its own that leads to this
//! machine (`Host`), not from its own origin (`Origin`, `Sec-Fetch-Site`), not by a form (no body
//! but JSON), and it has no token.

use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode, Uri};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// The page; it holds no data.
    Page,
    /// A session for a token that is good once.
    Session,
    /// A `waitline/...` request.
    Request,
    /// A tile.
    Tile,
    /// A click on a place.
    Open,
    /// Events as they come.
    Events,
}

impl Route {
    pub(super) fn needs_session(self) -> bool {
        !matches!(self, Route::Page | Route::Session)
    }

    fn method(self) -> Method {
        match self {
            Route::Page | Route::Events => Method::GET,
            _ => Method::POST,
        }
    }
}

/// The longest token that is looked at.
const MOST_TOKEN: usize = 128;

/// The one value of a header; `Err` if there are several, or it is no text.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}

/// What a request asks for, if it may ask at all.
pub(super) fn judge(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    port: u16,
) -> Result<Route, StatusCode> {
    let names = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
    let is_ours = |host: &str| names.iter().any(|name| name == host);
    let host = one(headers, "host").ok().flatten().filter(|host| is_ours(host));
    let Some(host) = host else { return Err(StatusCode::MISDIRECTED_REQUEST) };
    // A proxy's form of an address names a host as well.
    if uri.authority().is_some_and(|a| a.as_str() != host) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    match one(headers, "origin") {
        Ok(None) => {}
        Ok(Some(origin)) if origin.strip_prefix("http://") == Some(host) => {}
        _ => return Err(StatusCode::FORBIDDEN),
    }
    let is_page = uri.path() == "/" && uri.query().is_none();
    match one(headers, "sec-fetch-site") {
        Ok(None | Some("same-origin" | "none")) => {}
        // The file that leads here is of no site, and neither is the editor: a person who goes to
        // the page by either may, but nothing that another page holds inside of it.
        Ok(Some(_))
            if is_page
                && one(headers, "sec-fetch-mode") == Ok(Some("navigate"))
                && one(headers, "sec-fetch-dest") == Ok(Some("document")) => {}
        _ => return Err(StatusCode::FORBIDDEN),
    }
    if uri.query().is_some() {
        return Err(StatusCode::NOT_FOUND);
    }
    let route = match uri.path() {
        "/" => Route::Page,
        "/session" => Route::Session,
        "/request" => Route::Request,
        "/tile" => Route::Tile,
        "/open" => Route::Open,
        "/events" => Route::Events,
        _ => return Err(StatusCode::NOT_FOUND),
    };
    if *method != route.method() && !(route == Route::Page && *method == Method::HEAD) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if route.method() == Method::POST {
        let json = one(headers, header::CONTENT_TYPE.as_str()).ok().flatten();
        let json = json.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        if json != Some("application/json") {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let length = one(headers, header::CONTENT_LENGTH.as_str()).ok().flatten();
        let length = length.and_then(|n| n.parse::<u64>().ok());
        if length.is_some_and(|n| n > super::MOST_BODY as u64) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    Ok(route)
}

/// The token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = one(headers, header::AUTHORIZATION.as_str()).ok().flatten()?;
    value.strip_prefix("Bearer ").filter(|token| token.len() <= MOST_TOKEN)
}
