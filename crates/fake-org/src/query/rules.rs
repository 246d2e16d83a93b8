//! The rules for queries of each class of objects.

use super::{Class, Columns, Comparison, Fault, Filter, Literal, Object, Org, Refusal, Select, names, readable};
use crate::objects::{Field, Kind};
use crate::soql::{Direction, OrderBy};

/// Checks a query.
///
/// # Errors
/// If it breaks a rule of its object.
pub(super) fn check(org: &Org, object: &Object, select: &Select) -> Result<(), Refusal> {
    for filter in &select.filters {
        let field = readable(org, object, &filter.field)?;
        filter.values.iter().try_for_each(|value| check_literal(field, value))?;
    }
    for order in &select.order {
        readable(org, object, &order.field)?;
    }
    if object.class != Class::Big {
        return Ok(());
    }
    if select.columns == Columns::Count || select.offset > 0 {
        return Err(Refusal::malformed("aggregates and OFFSET are not supported on big objects"));
    }
    check_order(&select.order)?;
    if !select.order.is_empty() && org.faults.occurs(&names(object), &Fault::OrderRefused) {
        return Err(Refusal::malformed("ORDER BY is not supported on this entity"));
    }
    check_filters(object, &select.filters)
}

/// Checks `ORDER BY`: the index of big objects is sorted by time, newest first, and is only read in that direction.
fn check_order(order: &[OrderBy]) -> Result<(), Refusal> {
    match order {
        [] => Ok(()),
        [by] if by.field.eq_ignore_ascii_case("EventDate") && by.direction == Direction::Descending => Ok(()),
        _ => Err(Refusal::malformed("big objects can only be ordered by EventDate DESC")),
    }
}

/// Checks filters of big objects: their index is (`EventDate`, `EventIdentifier`), so `EventIdentifier` needs an exact
/// `EventDate`. Reports can also be filtered by user.
fn check_filters(object: &Object, filters: &[Filter]) -> Result<(), Refusal> {
    let is = |filter: &Filter, name: &str| filter.field.eq_ignore_ascii_case(name);
    for filter in filters {
        let by_user = object.name == "ReportEvent" && is(filter, "UserId");
        if !is(filter, "EventDate") && !is(filter, "EventIdentifier") && !by_user {
            return Err(Refusal::field(format!("field '{}' can not be filtered in a query call", filter.field)));
        }
        if filter.comparison == Comparison::Unequal {
            return Err(Refusal::malformed("the operator != is not supported on big objects"));
        }
    }
    let identified = filters.iter().any(|filter| is(filter, "EventIdentifier"));
    let mut dates = filters.iter().filter(|filter| is(filter, "EventDate")).peekable();
    if identified && (dates.peek().is_none() || dates.any(|filter| filter.comparison != Comparison::Equal)) {
        return Err(Refusal::malformed("EventIdentifier can only be filtered together with one EventDate"));
    }
    Ok(())
}

fn check_literal(field: &Field, literal: &Literal) -> Result<(), Refusal> {
    let (fits, wanted) = match field.kind {
        Kind::Text | Kind::Reference => (matches!(literal, Literal::Text(_)), "string and should be"),
        Kind::Time => (matches!(literal, Literal::Time(_)), "dateTime and should not be"),
        Kind::Double => (matches!(literal, Literal::Number(_)), "double and should not be"),
        Kind::Int => (matches!(literal, Literal::Number(_)), "int and should not be"),
        Kind::Bool => (matches!(literal, Literal::Truth(_)), "boolean and should not be"),
    };
    if fits || *literal == Literal::Null {
        return Ok(());
    }
    Err(Refusal::field(format!(
        "value of filter criterion for field '{}' must be of type {wanted} enclosed in quotes",
        field.name
    )))
}
