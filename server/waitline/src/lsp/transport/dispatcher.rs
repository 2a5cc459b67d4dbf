//! The dispatcher thread, and the handlers' futures: each handler is polled once here, in the order in
//! which messages came, and parked in the runtime if there is more to it.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use futures::FutureExt;
use futures::future::{AbortRegistration, Abortable};
use serde_json::{Value, json};
use tower::Service;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Result};
use tower_lsp::{LanguageServer, LspService};

use super::message::{bad, is_sound};
use super::parent::Parent;
use super::{Session, TEXT_LOST, Work, panic_text};
use crate::lsp::initialize::{ClientInfo, normalise};

impl Session {
    pub(super) fn dispatch_all<S: LanguageServer>(self: &Arc<Self>, mut service: LspService<S>) {
        // Handlers may spawn tasks and start timers in what is polled here.
        let _runtime = self.runtime.enter();
        while let Some(work) = self.inbox.pop() {
            for number in self.in_flight.take_unseen() {
                let cancel = Request::build("$/cancelRequest").params(json!({ "id": number }));
                let _ = call(&mut service, cancel.finish()).now_or_never();
            }
            match work {
                Work::Request { id, number, registration, method, params, since } => {
                    // Cancelled while it waited.
                    if self.in_flight.owes(&id, number) {
                        let request = (id, number, registration);
                        self.start_request(&mut service, request, method, params, since);
                    }
                }
                Work::Notification { method, params } => {
                    self.start_notification(&mut service, method, params);
                }
            }
        }
        // Lets everybody know who holds a `Client`.
        let _ = call(&mut service, Request::build("exit").finish()).now_or_never();
    }

    fn start_request<S: LanguageServer>(
        self: &Arc<Self>,
        service: &mut LspService<S>,
        (id, number, registration): (Id, i32, AbortRegistration),
        method: String,
        mut params: Option<Value>,
        since: Instant,
    ) {
        if method == "initialize" {
            params = Some(self.meet_client(params));
        } else if method.starts_with("waitline/") {
            // To leave parameters out, to send null and to send none are the same.
            params = Some(params.unwrap_or_default());
        }
        let request = Request::build(method.clone()).id(i64::from(number));
        let request = match params {
            Some(params) => request.params(params).finish(),
            None => request.finish(),
        };
        // What comes behind these two relies on their being done.
        let alone = matches!(method.as_str(), "initialize" | "shutdown");
        let handler = Abortable::new(call(service, request), registration);
        let session = self.clone();
        let answered = async move {
            let Ok(outcome) = handler.await else { return };
            let seen = outcome.is_ok();
            let result = outcome.unwrap_or_else(|payload| {
                let text = panic_text(&*payload);
                tracing::error!("internal error: the handler of {method} panicked: {text}");
                let text = format!("internal error: the handler of {method} panicked");
                Some(Err(bad(ErrorCode::InternalError, text)))
            });
            if !session.in_flight.finish(&id, number, seen) {
                return;
            }
            // tower-lsp answers no request whose method begins with `$/` and is unknown.
            let result = result.unwrap_or_else(|| Err(Error::method_not_found()));
            let initialized = method == "initialize" && result.is_ok();
            session.answer(id, result);
            tracing::debug!("answered {method} in {} µs", since.elapsed().as_micros());
            if initialized {
                session.initialized.send_replace(true);
            }
        };
        if alone {
            self.runtime.block_on(answered);
        } else {
            self.start(answered);
        }
    }

    fn start_notification<S: LanguageServer>(
        &self,
        service: &mut LspService<S>,
        mut method: String,
        params: Option<Value>,
    ) {
        let is_text = matches!(
            method.as_str(),
            "textDocument/didOpen" | "textDocument/didChange" | "textDocument/didClose"
        );
        if is_text && !is_sound(&method, params.as_ref()) {
            tracing::warn!("what is told of a document does not decode");
            method = TEXT_LOST.to_owned();
        }
        // What the service is told, should the handler not come to its end.
        let document = params.as_ref().filter(|_| is_text).and_then(|p| p.get("textDocument"));
        let document = document.and_then(|document| document.get("uri")).cloned();
        let mut panicked = self.notify(service, method, params);
        for _ in 0..3 {
            if !(is_text && panicked) {
                return;
            }
            let lost = json!({ "textDocument": { "uri": document } });
            panicked = self.notify(service, TEXT_LOST.to_owned(), Some(lost));
        }
    }

    /// Tells the service something. Whether its handler panicked before its first await, which is all
    /// that those of documents do.
    fn notify<S: LanguageServer>(
        &self,
        service: &mut LspService<S>,
        method: String,
        params: Option<Value>,
    ) -> bool {
        let request = Request::build(method.clone());
        let request = match params {
            Some(params) => request.params(params).finish(),
            None => request.finish(),
        };
        let handler = call(service, request);
        let panicked = Arc::new(AtomicBool::new(false));
        let told = panicked.clone();
        self.start(async move {
            if let Err(payload) = handler.await {
                let text = panic_text(&*payload);
                tracing::error!("internal error: the handler of {method} panicked: {text}");
                told.store(true, Ordering::Relaxed);
            }
        });
        panicked.load(Ordering::Relaxed)
    }

    /// Polls a future once, here, and parks it in the runtime if there is more to it.
    ///
    /// The waker of the first poll is lost, and needs not be kept: the runtime polls the future
    /// again at once.
    fn start(&self, future: impl Future<Output = ()> + Send + 'static) {
        let mut future = Box::pin(future);
        let mut context = Context::from_waker(Waker::noop());
        if future.as_mut().poll(&mut context).is_pending() {
            self.runtime.spawn(future);
        }
    }

    /// Keeps what the client says about itself, and gives the parameters that tower-lsp gets to
    /// see.
    fn meet_client(&self, params: Option<Value>) -> Value {
        let params = params.unwrap_or_default();
        let info = ClientInfo::from_params(&params);
        if let Some(parent) = info.process_id.and_then(Parent::watch) {
            let _ = self.parent.set(parent);
        }
        let _ = self.client.set(info);
        normalise(Some(params))
    }
}

/// Calls a handler. The future ends with the handler's answer, `None` if there is none, or with its
/// panic.
fn call<S: LanguageServer>(
    service: &mut LspService<S>,
    request: Request,
) -> impl Future<Output = std::result::Result<Option<Result<Value>>, Box<dyn Any + Send>>> + Send + 'static
{
    let place = format!("handler {}", request.method());
    // The service is always ready, except after `exit`, which is the last thing that it is told.
    let future = catch_unwind(AssertUnwindSafe(|| service.call(request)));
    async move {
        let future = future?;
        let future = async move {
            crate::lsp::faults::point(&place);
            future.await
        };
        match AssertUnwindSafe(future).catch_unwind().await? {
            Ok(response) => Ok(response.map(|response| response.into_parts().1)),
            Err(_exited) => Ok(Some(Err(Error::invalid_request()))),
        }
    }
}
