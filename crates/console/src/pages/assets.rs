//! Styles and scripts, compiled in. Nothing is loaded from elsewhere.
//!
//! Of others are htmx (refreshes parts of pages) and idiomorph (changes only what differs); both are under the Zero-Clause
//! BSD licence. They stand in `assets/vendor` as npm has them.

use crate::problem::Problem;
use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file with its name and type.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |name, content_type, text| Asset { name, content_type, text };
    vec![
        asset("shared.css", STYLE, view::style()),
        asset("console.css", STYLE, include_str!("../../assets/console.css")),
        asset("console.js", SCRIPT, include_str!("../../assets/console.js")),
        asset("keys.js", SCRIPT, include_str!("../../assets/keys.js")),
        asset("htmx.js", SCRIPT, include_str!("../../assets/vendor/htmx-2.0.11.min.js")),
        asset("idiomorph.js", SCRIPT, include_str!("../../assets/vendor/idiomorph-ext-0.8.0.min.js")),
        asset("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
    ]
});

/// Changes with any of them, so that browsers can keep them for good.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS.iter() {
        hash.update(asset.text.as_bytes());
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
});

/// Returns the path of an asset.
pub(super) fn path(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// Serves an asset, also under the version of another release: a page of it may still be open.
pub(super) async fn serve(Path((version, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Problem::NotFound(format!("{name}: no such file")).into_response();
    };
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    let headers: [(HeaderName, &str); 2] = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, keep)];
    (headers, asset.text).into_response()
}
