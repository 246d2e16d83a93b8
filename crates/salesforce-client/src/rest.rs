//! Queries, descriptions, limits, files.

use bytes::Bytes;

/// One page of a query's result.
#[derive(Clone, Debug)]
pub struct Page {
    /// The whole answer, as it came: `{"totalSize":…,"done":…,"records":[…]}`.
    pub body: Bytes,
    /// How many records it holds.
    pub records: usize,
    /// Where the next page is; `None` on the last one.
    pub next: Option<String>,
}

impl Page {
    /// The records, read as `T`.
    ///
    /// # Errors
    /// If one of them is no `T`.
    pub fn rows<T: serde::de::DeserializeOwned>(&self) -> crate::Result<Vec<T>> {
        #[derive(serde::Deserialize)]
        struct Body<T> {
            records: Vec<T>,
        }
        let body: Body<T> = serde_json::from_slice(&self.body)
            .map_err(|error| crate::Error::Unexpected { call: "query", problem: error.to_string() })?;
        Ok(body.records)
    }
}

/// An object as this user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub is_queryable: bool,
    /// The fields that this user may read.
    pub fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// Salesforce's word, such as `datetime`.
    pub kind: String,
}

/// Calls of the day, as `/limits` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub daily_max: u64,
    pub daily_remaining: u64,
}

/// Calls of the day, as the latest answer's `Sforce-Limit-Info` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub used: u64,
    pub max: u64,
}
