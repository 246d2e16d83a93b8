//! Queries: their rules and their results.

mod answer;
mod rows;
mod rules;

pub(crate) use answer::Answer;

use crate::fault::Fault;
use crate::objects::{Class, Field, Object};
use crate::org::Org;
use crate::refusal::Refusal;
use crate::soql::{self, Columns, Comparison, Filter, Literal, Select};
use axum::http::StatusCode;
use std::time::Duration;

/// The names by which a fault may be limited to an object. `RestApi` stands for its log files and its log object.
pub(crate) fn names(object: &Object) -> Vec<&str> {
    vec![object.name.as_str(), object.name.trim_end_matches("EventLog")]
}

/// Runs a query.
///
/// # Errors
/// If Salesforce would refuse it, or a fault applies.
pub(crate) fn run(org: &Org, text: &str) -> Result<Answer, Refusal> {
    let select = soql::parse(text)?;
    let object = object(org, &select.from).ok_or_else(|| {
        let message = format!("sObject type '{}' is not supported.", select.from);
        Refusal::new(StatusCode::BAD_REQUEST, "INVALID_TYPE", message)
    })?;
    let columns = columns(org, &object, &select)?;
    rules::check(org, &object, &select)?;
    time_out(org, &object, &select)?;
    let found = rows::find(org, &object, &select);
    Ok(match select.columns {
        Columns::Count => Answer::count(found.len()),
        Columns::Named(_) | Columns::All { .. } => Answer::new(object, columns, found),
    })
}

/// Finds an object by its name in any case, unless a fault hides it from the user.
pub(crate) fn object(org: &Org, name: &str) -> Option<Object> {
    let stored = org.timeline.topics.iter().map(|topic| &topic.stored);
    let events = stored.filter(|object| object.name.eq_ignore_ascii_case(name)).cloned();
    let others = crate::objects::standard().into_iter().chain([crate::objects::event_log_file()]);
    let known = events.chain(others).find(|object| object.name.eq_ignore_ascii_case(name));
    let object = known.or_else(|| org.files.log_object(org, name))?;
    (!org.faults.occurs(&names(&object), &Fault::ObjectMissing)).then_some(object)
}

/// Whether a fault hides a field from the user.
pub(crate) fn is_hidden(org: &Org, object: &Object, field: &Field) -> bool {
    let hidden = |fault: &Fault| match fault {
        Fault::FieldHidden { field: name } => name.eq_ignore_ascii_case(&field.name).then_some(()),
        _ => None,
    };
    org.faults.peek(&names(object), hidden).is_some()
}

/// Finds a field that the user may read.
fn readable<'a>(org: &Org, object: &'a Object, name: &str) -> Result<&'a Field, Refusal> {
    object
        .field(name)
        .filter(|field| !is_hidden(org, object, field))
        .ok_or_else(|| Refusal::field(format!("No such column '{name}' on entity '{}'.", object.name)))
}

fn columns(org: &Org, object: &Object, select: &Select) -> Result<Vec<Field>, Refusal> {
    match &select.columns {
        Columns::Named(names) => names.iter().map(|name| readable(org, object, name).cloned()).collect(),
        Columns::Count => Ok(Vec::new()),
        Columns::All { bounded } => {
            if *bounded && select.limit.is_none_or(|limit| limit > 200) {
                return Err(Refusal::malformed("The SOQL FIELDS function must have a LIMIT of at most 200"));
            }
            let shown = |field: &&Field| !field.name.contains('.') && !is_hidden(org, object, field);
            Ok(object.fields.iter().filter(shown).cloned().collect())
        }
    }
}

/// Fails if a fault limits the window of queries, and this one's is longer.
fn time_out(org: &Org, object: &Object, select: &Select) -> Result<(), Refusal> {
    let Some(clock) = rows::clock_field(object) else { return Ok(()) };
    let (from, to) = rows::window(clock, &select.filters);
    let asked = match (from, to) {
        (Some(from), Some(to)) => Duration::from_millis(to.since(from).max(0).unsigned_abs()),
        _ => Duration::MAX,
    };
    let names: Vec<&str> = names(object).into_iter().chain(["query"]).collect();
    let too_long = |fault: &Fault| match fault {
        Fault::QueryTimeout { longest } => (asked > *longest).then_some(()),
        _ => None,
    };
    match org.faults.take(&names, too_long) {
        None => Ok(()),
        Some(()) => Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "QUERY_TIMEOUT",
            "Your query request was running for too long.",
        )),
    }
}
