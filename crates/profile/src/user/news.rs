//! What an account uses for the first time on a day, as far as no other list of the day has the names.

use super::day::push_unique;
use model::{FirstOf, Text};
use serde::{Deserialize, Serialize};

/// Networks, clients, countries and connected apps of a day that are new to the account. The order of the fields is the
/// encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayNews(Vec<News>);

/// New values of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct News {
    pub(crate) what: FirstOf,
    pub(crate) count: u32,
    /// At most [`super::MOST_EVIDENCE`].
    pub(crate) names: Vec<Text>,
}

impl DayNews {
    /// Notes a value that is new to the account.
    pub(crate) fn note(&mut self, what: FirstOf, name: Text) {
        let new = || News { what, count: 0, names: Vec::new() };
        if let Some(news) = super::find_or_push(&mut self.0, |news| news.what == what, new) {
            news.count = news.count.saturating_add(1);
            push_unique(&mut news.names, name);
        }
    }

    /// Returns the new values by kind.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &News> {
        self.0.iter()
    }

    /// Whether nothing is new.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let names = self.0.iter().map(|news| news.names.capacity() * size_of::<Text>()).sum::<usize>();
        self.0.capacity() * size_of::<News>() + names
    }
}
