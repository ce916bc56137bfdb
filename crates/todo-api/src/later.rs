//! Answers that are still to come when a handler is done.
//!
//! A request has a limited time to arrive and to be accepted. Waiting for what follows from it is not
//! part of that: it has a limit of its own, which the caller chose. So a handler that has accepted a
//! request may leave its answer for [`arrived`], which stands outside of the limit.

use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use futures_util::{FutureExt, future::BoxFuture};

/// What the answer will be. It is shared, since whatever travels with a response has to be cloneable.
#[derive(Clone)]
struct Later(Arc<Mutex<Option<BoxFuture<'static, Response>>>>);

/// Stands for what `answer` comes to.
///
/// If the caller goes away meanwhile, `answer` is dropped.
pub(crate) fn later(answer: impl Future<Output = Response> + Send + 'static) -> Response {
    let mut response = Response::default();
    let answer = Arc::new(Mutex::new(Some(answer.boxed())));
    response.extensions_mut().insert(Later(answer));
    response
}

/// Waits for the answer, if it is still to come.
pub(crate) async fn arrived(mut response: Response) -> Response {
    let later = response.extensions_mut().remove::<Later>();
    let answer = later.and_then(|Later(answer)| {
        let mut answer = answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.take()
    });
    match answer {
        Some(answer) => answer.await,
        None => response,
    }
}
