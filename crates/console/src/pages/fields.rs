//! Fields of queries and forms: keys with values, in their order, a key as often as it was sent.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, Query, Request};
use axum::http::Uri;
use form_urlencoded::Serializer;
use serde::de::DeserializeOwned;
use std::fmt;

/// Fields of a query or a form. Empty ones are left out, as a form sends them for what nobody has filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads fields as a URL or a form has them.
    pub(super) fn of(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Returns the first value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.pairs().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// Returns all values of a key.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Returns the fields with these keys.
    pub(super) fn only(&self, keys: &[&str]) -> Self {
        Self(self.0.iter().filter(|(key, _)| keys.contains(&key.as_str())).cloned().collect())
    }

    /// Returns the fields without this key.
    pub(super) fn without(&self, key: &str) -> Self {
        Self(self.0.iter().filter(|(own, _)| own != key).cloned().collect())
    }

    /// Returns the fields with one value of a key in place of all that it had.
    pub(super) fn with(&self, key: &str, value: &str) -> Self {
        self.without(key).and(key, value)
    }

    /// Returns the fields with one value of a key more.
    pub(super) fn and(mut self, key: &str, value: &str) -> Self {
        self.0.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Returns the keys and values in their order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the query of the API with these fields.
    ///
    /// # Errors
    /// If the API does not know one of them.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<Query<T>, QueryRejection> {
        // Text of a query is always a valid URI: everything else is escaped.
        let uri: Uri = format!("/?{self}").parse().unwrap_or_default();
        Query::try_from_uri(&uri)
    }
}

/// As a query, without the question mark.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Serializer::new(String::new());
        f.write_str(&text.extend_pairs(&self.0).finish())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = super::Failed;

    /// Reads the fields of a form.
    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let text = String::from_request(request, state).await;
        let unreadable = || crate::problem::Problem::Malformed("the form cannot be read: send it once more".to_owned());
        Ok(Self::of(&text.map_err(|_| unreadable())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_changed_and_written() {
        let fields = Fields::of("q=a%26b&incident=1&incident=2&none=");
        assert_eq!(fields.get("q"), Some("a&b"));
        assert_eq!(fields.all("incident").collect::<Vec<_>>(), ["1", "2"]);
        assert!(!fields.has("none"));
        assert_eq!(fields.with("q", "x y").to_string(), "incident=1&incident=2&q=x+y");
        assert_eq!(fields.without("incident").to_string(), "q=a%26b");
        assert_eq!(fields.only(&["incident"]).to_string(), "incident=1&incident=2");
    }
}
