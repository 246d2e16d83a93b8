//! The rows that a query selects, and their order.

use super::{Class, Comparison, Fault, Filter, Literal, Object, Org, Select, names};
use crate::objects::{self, Field, Kind, NO_ID};
use crate::script::DISORDER;
use crate::settings::millis;
use crate::soql::{Direction, OrderBy};
use crate::timeline::Offset;
use crate::value;
use model::Timestamp;
use serde_json::{Map, Value};
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

/// A selected row. Events are kept as offsets and parsed again for each page, which keeps large results small.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    Event(Offset),
    Fields(Arc<Map<String, Value>>),
}

impl Row {
    pub(crate) fn fields(&self, org: &Org, object: &Object) -> Arc<Map<String, Value>> {
        match self {
            Self::Fields(fields) => Arc::clone(fields),
            Self::Event(offset) => {
                let mut fields = org.timeline.event(*offset).map(|event| event.record.fields()).unwrap_or_default();
                let id = match object.class {
                    Class::Big | Class::EventLog => NO_ID.to_owned(),
                    Class::Standard => objects::row_id(&object.name, value::text(&fields, "EventIdentifier")),
                };
                fields.insert("Id".to_owned(), id.into());
                Arc::new(fields)
            }
        }
    }
}

/// Selects the rows of a query.
pub(super) fn find(org: &Org, object: &Object, select: &Select) -> Vec<Row> {
    let mut found = match org.timeline.topics.iter().position(|topic| topic.stored.name == object.name) {
        Some(topic) => events(org, object, topic, &select.filters),
        None => others(org, object).into_iter().map(Row::Fields).collect(),
    };
    let filters: Vec<&Filter> = select.filters.iter().filter(|filter| !is_done(object, filter)).collect();
    if !filters.is_empty() {
        found.retain(|row| {
            let fields = row.fields(org, object);
            filters.iter().all(|filter| matches(object, filter, &fields))
        });
    }
    sort(org, object, &select.order, &mut found);
    let rest = found.split_off(select.offset.min(found.len()));
    rest.into_iter().take(select.limit.unwrap_or(usize::MAX)).collect()
}

/// The field with the time of a row; `None` for objects without one.
pub(super) fn clock_field(object: &Object) -> Option<&'static str> {
    match object.class {
        Class::EventLog => Some("Timestamp"),
        Class::Big | Class::Standard => object.field("EventDate").map(|_| "EventDate"),
    }
}

/// The window of time that a query's filters select, both ends inclusive.
pub(super) fn window(clock: &str, filters: &[Filter]) -> (Option<Timestamp>, Option<Timestamp>) {
    let (mut from, mut to) = (None::<Timestamp>, None::<Timestamp>);
    for filter in filters.iter().filter(|filter| filter.field.eq_ignore_ascii_case(clock)) {
        let [Literal::Time(time)] = *filter.values.as_slice() else { continue };
        let (least, most) = match filter.comparison {
            Comparison::Equal => (Some(time), Some(time)),
            Comparison::GreaterOrEqual => (Some(time), None),
            Comparison::Greater => (Some(time.plus(1)), None),
            Comparison::LessOrEqual => (None, Some(time)),
            Comparison::Less => (None, Some(time.plus(-1))),
            Comparison::Unequal | Comparison::In => (None, None),
        };
        from = from.max(least);
        to = to.into_iter().chain(most).min();
    }
    (from, to)
}

/// Selects the visible events of a topic within the query's window, newest first.
fn events(org: &Org, object: &Object, topic: usize, filters: &[Filter]) -> Vec<Row> {
    let (from, to) = window("EventDate", filters);
    let first = from.map_or(0, |from| org.timeline.before(from));
    let end = to.map_or(org.timeline.end(), |to| org.timeline.after(to.plus(DISORDER)));
    let offsets = org.timeline.offsets.get(topic).map_or(&[][..], Vec::as_slice);
    let late = |fault: &Fault| match fault {
        Fault::RowsLate { every, by } => Some(((*every).max(1), millis(*by))),
        _ => None,
    };
    let late = org.faults.peek(&names(object), late);
    let visible = org.visible();
    let is_visible = |(number, offset): &(usize, Offset)| {
        let delay = late.filter(|(every, _)| (number + 1).is_multiple_of(*every)).map_or(0, |(_, by)| by);
        org.timeline.event(*offset).is_some_and(|event| {
            let is_asked_for = from.is_none_or(|from| from <= event.at) && to.is_none_or(|to| event.at <= to);
            is_asked_for && event.published.plus(delay) <= visible
        })
    };
    let within = offsets.iter().copied().enumerate().filter(|(_, offset)| (first..end).contains(offset));
    let mut found: Vec<Offset> = within.filter(is_visible).map(|(_, offset)| offset).collect();
    found.sort_by_key(|offset| Reverse((org.timeline.event(*offset).map(|event| event.at), *offset)));
    found.into_iter().map(Row::Event).collect()
}

/// Whether [`events`] has applied a filter already.
fn is_done(object: &Object, filter: &Filter) -> bool {
    object.class != Class::EventLog
        && clock_field(object).is_some_and(|clock| filter.field.eq_ignore_ascii_case(clock))
        && matches!(filter.values.as_slice(), [Literal::Time(_)])
        && !matches!(filter.comparison, Comparison::Unequal | Comparison::In)
}

fn others(org: &Org, object: &Object) -> Vec<Arc<Map<String, Value>>> {
    match object.class {
        Class::EventLog => org.files.log_rows(org, &object.name),
        Class::Big | Class::Standard if object.name == "EventLogFile" => org.files.rows(org),
        Class::Big | Class::Standard => org.standard.rows(org, &object.name),
    }
}

fn matches(object: &Object, filter: &Filter, fields: &Map<String, Value>) -> bool {
    let Some(field) = object.field(&filter.field) else { return false };
    let value = fields.get(&field.name).unwrap_or(&Value::Null);
    let is = |literal: &Literal| match literal {
        Literal::Null => value.is_null(),
        literal => compare(field, value, literal) == Some(Ordering::Equal),
    };
    let Some(literal) = filter.values.first() else { return false };
    let order = || compare(field, value, literal);
    match filter.comparison {
        Comparison::Equal => is(literal),
        Comparison::Unequal => !is(literal),
        Comparison::In => filter.values.iter().any(is),
        Comparison::Less => order().is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
        Comparison::Greater => order().is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
    }
}

fn compare(field: &Field, value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::String(text), Literal::Time(time)) => Some(value::time(text)?.cmp(time)),
        (Value::String(text), Literal::Text(wanted)) if field.kind == Kind::Reference => {
            Some(model::id::normalize(text).cmp(&model::id::normalize(wanted)))
        }
        (Value::String(text), Literal::Text(wanted)) => Some(text.to_lowercase().cmp(&wanted.to_lowercase())),
        (Value::Number(number), Literal::Number(wanted)) => number.as_f64()?.partial_cmp(wanted),
        (Value::Bool(truth), Literal::Truth(wanted)) => Some(truth.cmp(wanted)),
        _ => None,
    }
}

/// Sorts by the fields of `ORDER BY`. Rows of big objects are already in the only order that is allowed.
fn sort(org: &Org, object: &Object, order: &[OrderBy], found: &mut Vec<Row>) {
    if object.class == Class::Big || order.is_empty() {
        return;
    }
    let mut rows: Vec<_> = found.drain(..).map(|row| (row.fields(org, object), row)).collect();
    rows.sort_by(|(one, _), (two, _)| {
        let orders = order.iter().filter_map(|by| {
            let name = &object.field(&by.field)?.name;
            let order = compare_values(one.get(name), two.get(name));
            Some(if by.direction == Direction::Descending { order.reverse() } else { order })
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
    found.extend(rows.into_iter().map(|(_, row)| row));
}

/// Compares values, with nulls first. Times are compared as texts, since all have the same format.
fn compare_values(one: Option<&Value>, two: Option<&Value>) -> Ordering {
    match (one, two) {
        (Some(Value::String(one)), Some(Value::String(two))) => one.cmp(two),
        (Some(Value::Number(one)), Some(Value::Number(two))) => {
            one.as_f64().partial_cmp(&two.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::Bool(one)), Some(Value::Bool(two))) => one.cmp(two),
        (one, two) => is_value(one).cmp(&is_value(two)),
    }
}

fn is_value(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null())
}
