//! Answers of the REST API: pages of queries, descriptions of objects, limits.

use crate::http::Http;
use crate::{Error, Result};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// One page of a query's result.
#[derive(Clone, Debug)]
pub struct Page {
    /// The unchanged body: `{"totalSize":…,"done":…,"records":[…]}`.
    pub body: Bytes,
    /// How many records it holds.
    pub records: usize,
    /// The path of the next page; `None` on the last page.
    pub next: Option<String>,
}

/// An object as this user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The object's API name.
    pub name: String,
    /// Whether it can be queried.
    pub is_queryable: bool,
    /// The fields that this user may read.
    pub fields: Vec<Field>,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's API name.
    pub name: String,
    /// Salesforce's type, such as `datetime`.
    pub kind: String,
}

/// The org's API calls of the day, from `/limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many calls a day has.
    pub daily_max: u64,
    /// How many of them remain.
    pub daily_remaining: u64,
}

/// The org's API calls of the day, from the header `Sforce-Limit-Info` of the latest answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many calls were made.
    pub used: u64,
    /// How many calls a day has.
    pub max: u64,
}

/// The name of queries in errors.
pub(crate) const QUERY: &str = "query";

impl Page {
    /// Reads the records as `T`.
    ///
    /// # Errors
    /// If a record does not have the shape of `T`.
    pub fn rows<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        #[derive(Deserialize)]
        struct Body<T> {
            records: Vec<T>,
        }
        let body: Body<T> = Http::json(QUERY, &self.body)?;
        Ok(body.records)
    }

    pub(crate) fn read(body: Bytes) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            done: bool,
            next_records_url: Option<String>,
            records: Vec<IgnoredAny>,
        }
        let read: Body = Http::json(QUERY, &body)?;
        let next = match (read.done, read.next_records_url) {
            (true, _) => None,
            (false, Some(next)) => Some(next),
            (false, None) => {
                let problem = "the result is not done, but nextRecordsUrl is missing".to_owned();
                return Err(Error::Unexpected { call: QUERY, problem });
            }
        };
        Ok(Self { records: read.records.len(), next, body })
    }
}

impl Description {
    pub(crate) fn read(body: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Body {
            name: String,
            queryable: bool,
            fields: Vec<FieldBody>,
        }
        #[derive(Deserialize)]
        struct FieldBody {
            name: String,
            #[serde(rename = "type")]
            kind: String,
        }
        let read: Body = Http::json("describe", body)?;
        let fields = read.fields.into_iter().map(|field| Field { name: field.name, kind: field.kind }).collect();
        Ok(Self { name: read.name, is_queryable: read.queryable, fields })
    }
}

impl Limits {
    pub(crate) fn read(body: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body {
            daily_api_requests: Daily,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Daily {
            max: u64,
            remaining: u64,
        }
        let Daily { max, remaining } = Http::json::<Body>("limits", body)?.daily_api_requests;
        Ok(Self { daily_max: max, daily_remaining: remaining })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &'static str) -> Result<Page> {
        Page::read(Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn the_last_page_has_no_next() {
        let first =
            page(r#"{"totalSize":3,"done":false,"nextRecordsUrl":"/q/01g-2","records":[{"Id":"a"},{"Id":"b"}]}"#);
        let first = first.unwrap();
        assert_eq!((first.records, first.next.as_deref()), (2, Some("/q/01g-2")));
        let last = page(r#"{"totalSize":3,"done":true,"nextRecordsUrl":"/q/01g-3","records":[]}"#).unwrap();
        assert_eq!((last.records, last.next), (0, None));
        assert!(page(r#"{"done":false,"records":[]}"#).is_err());
        assert!(page(r#"{"done":true,"records":[{"Id":"#).is_err());
        assert!(page("<html>").is_err());
    }

    #[test]
    fn rows_are_read_as_the_callers_type() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Row {
            #[serde(rename = "Id")]
            id: String,
        }
        let read = page(r#"{"done":true,"records":[{"attributes":{},"Id":"a"},{"Id":"b"}]}"#).unwrap();
        assert_eq!(read.rows::<Row>().unwrap(), [Row { id: "a".to_owned() }, Row { id: "b".to_owned() }]);
        assert!(read.rows::<u64>().is_err());
    }

    #[test]
    fn descriptions_have_fields_with_types() {
        let body = br#"{"name":"UriEvent","queryable":true,"label":"x","fields":[{"name":"Username","type":"string","length":80}]}"#;
        let field = Field { name: "Username".to_owned(), kind: "string".to_owned() };
        let expect = Description { name: "UriEvent".to_owned(), is_queryable: true, fields: vec![field] };
        assert_eq!(Description::read(body).unwrap(), expect);
    }

    #[test]
    fn limits_are_those_of_daily_calls() {
        let body =
            br#"{"DailyApiRequests":{"Max":15000,"Remaining":14998,"App":{}},"DataStorageMB":{"Max":5,"Remaining":5}}"#;
        assert_eq!(Limits::read(body).unwrap(), Limits { daily_max: 15_000, daily_remaining: 14_998 });
    }
}
