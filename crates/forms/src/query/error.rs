//! Why a query was refused.

use super::Query;
use crate::describe::Property;

/// Why a query was refused, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Neither a parameter nor a field.
    #[error("{0}: no such field or parameter; names are case-sensitive, and describe lists the fields")]
    Unknown(String),
    /// A field without the property that its use needs.
    #[error("{field} cannot be {}: the object's description does not mark it {property}", done(*.property))]
    NotMarked {
        /// The field.
        field: &'static str,
        /// What it lacks.
        property: Property,
    },
    /// A filter without an operator.
    #[error("{field}: write an operator and a value, as in {field}=eq:value; operators are {OPERATORS}")]
    NoOperator {
        /// The field.
        field: &'static str,
    },
    /// An operator that the type of the field does not have.
    #[error("{field}: {operator} is not for a {kind}; it may be one of {allowed}")]
    Operator {
        /// The field.
        field: &'static str,
        /// What was written.
        operator: String,
        /// Type of the field.
        kind: &'static str,
        /// The operators of this type.
        allowed: &'static str,
    },
    /// A value that is not of the field's type.
    #[error("{field}: {value:?} is {problem}")]
    Value {
        /// The field.
        field: &'static str,
        /// What was written.
        value: String,
        /// What is wrong with it, and what to write.
        problem: &'static str,
    },
    /// A parameter that may be given once.
    #[error("{0}: give it once")]
    Twice(&'static str),
    /// A field that a list has twice.
    #[error("{parameter}: {field} is there twice")]
    Repeated {
        /// The parameter.
        parameter: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A limit out of range.
    #[error("limit: must be a whole number from 1 to {max}", max = Query::MAX_LIMIT)]
    Limit,
    /// A parameter that a query with groups cannot have.
    #[error("{0}: not together with group, which answers with the grouped fields and their counts in one page")]
    WithGroup(&'static str),
    /// A sort key that is not grouped by.
    #[error("sort: with group, it may have the grouped fields and count, not {0}")]
    NotGrouped(&'static str),
    /// The key `count` without groups.
    #[error("sort: count needs group")]
    CountWithoutGroup,
    /// A cursor that no answer gave, or one of a query with another order.
    #[error("cursor: not one of an answer to this sort; leave it out to start from the first record")]
    Cursor,
}

const OPERATORS: &str = "eq, ne, in, like, lt, le, gt and ge";

fn done(property: Property) -> &'static str {
    match property {
        Property::Filter => "filtered",
        Property::Group => "grouped",
        _ => "sorted",
    }
}
