//! Queries of `TenantSecurityApiAnomaly` records, from the parameters of a URL.
//!
//! | parameter | what it does |
//! |---|---|
//! | `Field=op:value` | selects records. Given several times, all must hold |
//! | `fields=Field,…` | which fields the answer has; all where absent |
//! | `sort=[-]Field,…` | the order, `-` for descending; `-EventDate` where absent. Nulls come last |
//! | `group=Field,…` | counts records by these fields. `sort` may then have `count`, and is `-count` where absent |
//! | `limit=N` | records or groups of an answer, 1 to 1,000; 100 where absent |
//! | `cursor=…` | continues after the last record of an answer |
//!
//! The operators are in [`Test`]. What a field allows is what its [description](crate::tenant::DESCRIPTION) marks it with.

mod cursor;
mod error;
mod filter;
mod parse;

pub use cursor::Cursor;
pub use error::QueryError;
pub use filter::{Comparison, Filter, Test, Value};

use crate::tenant::Field;

/// A query, checked: every field has the property that its use needs, and every value its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What must hold of a record, all of it.
    pub filters: Vec<Filter>,
    /// What the answer is made of.
    pub answer: Answer,
    /// The most records or groups of the answer.
    pub limit: u32,
}

/// What a query asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Records.
    Records {
        /// The fields that each has.
        fields: Vec<Field>,
        /// The order. The last is `DetailIdentifier` unless it is among the others, so no two records are equal.
        sort: Vec<Sort<Field>>,
        /// The record after which the answer starts.
        after: Option<Cursor>,
    },
    /// How many records there are of each combination of values.
    Groups {
        /// The fields of which values are combined; at least one.
        by: Vec<Field>,
        /// The order. It ends with all fields of `by`, so no two groups are equal.
        sort: Vec<Sort<GroupKey>>,
    },
}

/// What answers are sorted by. Nulls come last in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort<K> {
    /// The key.
    pub key: K,
    /// Its direction.
    pub direction: Direction,
}

/// A direction of sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

/// What groups are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKey {
    /// A field that the query groups by.
    Field(Field),
    /// How many records the group has.
    Count,
}

impl Query {
    /// The most records or groups of an answer. A choice: a page of about a megabyte.
    pub const MAX_LIMIT: u32 = 1_000;
    /// The limit where none is given.
    pub const DEFAULT_LIMIT: u32 = 100;

    /// Checks the parameters of a URL, decoded.
    ///
    /// # Errors
    /// The first parameter that is unknown, is given twice, or asks what the object's description does not allow.
    pub fn parse<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Result<Self, QueryError> {
        let mut parameters = parse::Parameters::default();
        for (key, value) in pairs {
            parameters.add(key.as_ref(), value.as_ref())?;
        }
        parameters.check()
    }
}

#[cfg(test)]
mod tests;
