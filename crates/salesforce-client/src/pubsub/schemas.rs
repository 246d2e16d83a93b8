//! A cache of Avro schemas by id. The schema of an id never changes.

use super::avro;
use crate::Result;
use apache_avro::Schema;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// A schema, or why it cannot be parsed.
pub(crate) type Parsed = std::result::Result<Arc<Schema>, String>;

/// The cache. A schema is fetched once, even if many tasks ask for it at the same time.
#[derive(Default)]
pub(crate) struct Schemas {
    by_id: Mutex<HashMap<String, Arc<OnceCell<Parsed>>>>,
}

/// The most cached schemas; a further one clears the cache. A choice: an org has about 20 topics with a few schemas
/// each.
const MAX_SCHEMAS: usize = 256;

impl Schemas {
    /// Returns the schema of `id`. `fetch` returns its text if it is not cached.
    ///
    /// # Errors
    /// The error of `fetch`, which is not cached.
    pub(crate) async fn get<F>(&self, id: &str, fetch: impl FnOnce() -> F) -> Result<Parsed>
    where
        F: Future<Output = Result<String>>,
    {
        let cell = self.cell(id);
        let parsed = cell.get_or_try_init(async || Ok(avro::read_schema(&fetch().await?).map(Arc::new))).await?;
        Ok(parsed.clone())
    }

    fn cell(&self, id: &str) -> Arc<OnceCell<Parsed>> {
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = by_id.get(id) {
            return cell.clone();
        }
        if by_id.len() >= MAX_SCHEMAS {
            by_id.clear();
        }
        by_id.entry(id.to_owned()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SCHEMA: &str = r#"{"type":"record","name":"R","fields":[]}"#;

    #[tokio::test]
    async fn concurrent_requests_fetch_once() {
        let schemas = Schemas::default();
        let fetched = AtomicUsize::new(0);
        let fetch = || async {
            fetched.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(SCHEMA.to_owned())
        };
        let all = futures::future::join_all((0..20).map(|_| schemas.get("a", fetch))).await;
        assert!(all.into_iter().all(|parsed| parsed.unwrap().is_ok()));
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn failed_fetches_are_not_cached_but_invalid_schemas_are() {
        let schemas = Schemas::default();
        let fail = || async { Err(Error::Silent { call: "schema", seconds: 1 }) };
        assert!(schemas.get("a", fail).await.is_err());
        assert!(schemas.get("a", || async { Ok("{}".to_owned()) }).await.unwrap().is_err());
        assert!(schemas.get("a", fail).await.unwrap().is_err());
    }

    #[tokio::test]
    async fn the_cache_is_bounded() {
        let schemas = Schemas::default();
        for id in 0..1_000 {
            schemas.get(&id.to_string(), || async { Ok(SCHEMA.to_owned()) }).await.unwrap().unwrap();
            assert!(schemas.by_id.lock().unwrap().len() <= MAX_SCHEMAS);
        }
    }
}
