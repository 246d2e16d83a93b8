//! An incident as text to paste elsewhere.

use super::{Known, read, touched::Touched};
use crate::pages::{Asker, Failed, filters};
use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::{Incident, Uuid};
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "incident.md", escape = "none", whitespace = "preserve")]
struct Markdown<'a> {
    item: &'a crate::body::IncidentItem,
    incident: &'a Incident,
    touched: Touched,
}

/// Serves an incident as Markdown.
pub(in crate::pages) async fn markdown(
    asker: Asker,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Failed> {
    let Path(id) = id?;
    let Known { item, incident, .. } = read(&asker, id).await?;
    let touched = Touched::of(&incident.findings, &BTreeMap::new(), asker.eyes());
    let text = Markdown { item: &item, incident: &incident, touched }.render()?;
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
}

/// Serves the activities of an incident as CSV.
pub(in crate::pages) async fn csv(asker: Asker, id: Result<Path<Uuid>, PathRejection>) -> Result<Response, Failed> {
    let Path(id) = id?;
    let Known { incident, .. } = read(&asker, id).await?;
    let touched = Touched::of(&incident.findings, &BTreeMap::new(), asker.eyes());
    let mut text =
        "at,kind,operation,effect,outcome,surface,objects,resource_id,resource_name,scope,rows,bytes,address,\
                    asn,country,client,app,user_agent,session_key,request_id,activity_id\r\n"
            .to_owned();
    for activity in &touched.activities {
        let own = |text: &Option<model::Text>| text.as_deref().unwrap_or_default().to_owned();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let objects: Vec<&str> = activity.objects.iter().map(|object| &**object).collect();
        let cells = [
            activity.at.to_string(),
            activity.kind.as_str().to_owned(),
            own(&activity.operation),
            activity.effect.as_str().to_owned(),
            activity.outcome.as_str().to_owned(),
            activity.surface.map_or("", |surface| surface.as_str()).to_owned(),
            objects.join(" "),
            own(&activity.resource_id),
            own(&activity.resource_name),
            activity.scope.map_or("", |scope| scope.as_str()).to_owned(),
            number(activity.rows),
            number(activity.bytes),
            own(&activity.address),
            number(activity.asn.map(u64::from)),
            own(&activity.country),
            own(&activity.client),
            own(&activity.app),
            own(&activity.user_agent),
            own(&activity.session_key),
            own(&activity.request_id),
            activity.activity_id.to_string(),
        ];
        let line: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&line.join(","));
        text.push_str("\r\n");
    }
    let name = format!("attachment; filename=\"incident-{id}.csv\"");
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

/// Writes a cell as RFC 4180 has it. One that a spreadsheet would take for a formula begins with an apostrophe: its text is
/// what anybody may have sent to Salesforce.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        assert_eq!(quoted("a"), "a");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=HYPERLINK(\"https://a.example\")"), "\"'=HYPERLINK(\"\"https://a.example\"\")\"");
    }
}
