//! Views of the queue that a person keeps.

use crate::body::ViewQuery;
use crate::pages::queue::list_fields;
use crate::pages::{Asker, Failed, Fields, Page};
use crate::problem::Problem;
use crate::routes::views;
use axum::Json;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

/// A view that the person keeps.
pub(in crate::pages) struct KeptView {
    pub(in crate::pages) name: String,
    pub(in crate::pages) path: String,
    pub(in crate::pages) is_current: bool,
}

/// Returns the views of the person, next to the list with these fields.
pub(in crate::pages) async fn kept(asker: &Asker, fields: &Fields) -> Result<Vec<KeptView>, Failed> {
    let shown = fields.without("cursor");
    let views = views::list(asker.visitor().await?).await?.0;
    let view = |view: crate::body::ViewBody| KeptView {
        is_current: Fields::of(&view.query) == shown,
        path: format!("/?{}", view.query),
        name: view.name,
    };
    Ok(views.into_iter().map(view).collect())
}

/// Keeps the list that the form names, and shows it.
pub(in crate::pages) async fn keep(asker: Asker, fields: Fields) -> Page {
    let query = list_fields(&Fields::of(fields.get("query").unwrap_or_default())).without("cursor").to_string();
    let name = fields.get("name").map(str::trim).unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Problem::Invalid("name: say what the view is called".to_owned()).into());
    }
    let body = Json(ViewQuery { query: query.clone() });
    views::keep(asker.state(), asker.visitor().await?, Ok(Path(name)), Ok(body)).await?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, format!("/?{query}"))]).into_response())
}

/// Forgets a view, and goes back to the list.
pub(in crate::pages) async fn forget(asker: Asker, fields: Fields) -> Page {
    let name = fields.get("name").unwrap_or_default().to_owned();
    views::forget(asker.visitor().await?, Ok(Path(name))).await?;
    let list = list_fields(&Fields::of(fields.get("query").unwrap_or_default()));
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, format!("/?{list}"))]).into_response())
}
