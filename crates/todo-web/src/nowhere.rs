//! What is answered where there is no page.

use axum::{
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};

/// Leads from an address that ends with a slash to the one without, and says of others that nothing is there.
pub(crate) async fn nowhere(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    let shorter = path.trim_end_matches('/');
    // Two slashes at the start would begin the name of another host.
    let leads_on = shorter.len() < path.len() && shorter.len() > 1 && !path.starts_with("//");
    if !leads_on || ![Method::GET, Method::HEAD].contains(&method) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let query = uri.query().map(|query| format!("?{query}"));
    let address = shorter.to_owned() + &query.unwrap_or_default();
    Redirect::permanent(&address).into_response()
}
