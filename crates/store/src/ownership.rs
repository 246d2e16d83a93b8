//! Ownership of partitions by session advisory locks, held by the connection that commits the checkpoints.
//!
//! A replica that dies loses its session, and with it its membership, its partitions and the right to commit.

mod checkpoint;
mod clocks;
mod quota;
mod share;

pub use checkpoint::{StateEntry, StateKey};
pub use quota::quota;
pub use share::Share;

use crate::Settings;
use crate::error::{Context, Result, StoreError};
use model::id;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// One database session with the membership and the partitions that it has locked.
///
/// Calls take turns on the one connection. After an error the session may be gone, and everything that it owned with
/// it: drop this and connect again.
#[derive(Debug)]
pub struct Owner {
    session: Mutex<Session>,
    member: i32,
    classes: Classes,
    /// How long to wait for an answer; longer than the server's own statement timeout.
    answer_timeout: Duration,
}

#[derive(Debug)]
struct Session {
    connection: PgConnection,
    /// The locked partitions. The server counts how often a session takes a lock; this keeps the count at one.
    held: BTreeSet<i32>,
}

/// The first halves of the locks' keys, one for each kind of lock.
#[derive(Clone, Copy, Debug)]
struct Classes {
    /// Of members.
    member: i32,
    /// Of owned partitions.
    partition: i32,
    /// Of partitions that another session has requested from their owner.
    requested: i32,
}

impl Owner {
    /// Connects, and joins the members of `namespace` under the number `member`, which should be random.
    ///
    /// # Errors
    /// [`StoreError::MemberTaken`] if another session has that number; if the database cannot be reached.
    pub async fn connect(settings: &Settings, application: &str, namespace: &str, member: i32) -> Result<Self> {
        let mut owner = Self::connect_as_nonmember(settings, application, namespace).await?;
        let connection = &mut owner.session.get_mut().connection;
        if !with_timeout(owner.answer_timeout, "join", lock(connection, owner.classes.member, member)).await? {
            return Err(StoreError::MemberTaken { member });
        }
        Ok(Self { member, ..owner })
    }

    /// Connects without joining the members, as operators' commands do: the session gets no share of the partitions,
    /// and can take over single ones by [`Owner::take_over`].
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn connect_as_nonmember(settings: &Settings, application: &str, namespace: &str) -> Result<Self> {
        let options = settings.session(application)?;
        let answer_timeout = Duration::from_millis(settings.statement_timeout_ms.saturating_add(ANSWER_MARGIN_MS));
        let connection = crate::connect(&options, answer_timeout).await?;
        let session = Mutex::new(Session { connection, held: BTreeSet::new() });
        Ok(Self { session, member: 0, classes: Classes::of(namespace), answer_timeout })
    }

    /// Returns the member number; 0 for a session that is no member.
    pub fn member(&self) -> i32 {
        self.member
    }

    /// Returns all members of the namespace, including this one, in ascending order.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn members(&self) -> Result<Vec<i32>> {
        let mut session = self.session.lock().await;
        let found = holders(&mut session.connection, self.classes.member);
        let mut members: Vec<i32> = with_timeout(self.answer_timeout, "list the members", found)
            .await?
            .into_iter()
            .map(|holder| holder.key)
            .collect();
        members.sort_unstable();
        Ok(members)
    }

    /// Returns the partitions that this session holds according to the server, in ascending order.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn held(&self) -> Result<Vec<i32>> {
        let mut held: Vec<i32> =
            self.holders().await?.into_iter().filter(|holder| holder.own).map(|holder| holder.key).collect();
        held.sort_unstable();
        Ok(held)
    }

    /// Returns the partitions from 0 to `partitions` − 1 that no session holds, in ascending order.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn unowned(&self, partitions: i32) -> Result<Vec<i32>> {
        let taken: BTreeSet<i32> = self.holders().await?.into_iter().map(|holder| holder.key).collect();
        Ok((0..partitions).filter(|partition| !taken.contains(partition)).collect())
    }

    /// Takes the partition unless another session holds it. `true` if this session holds it now, even if it did before.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn try_acquire(&self, partition: i32) -> Result<bool> {
        let mut session = self.session.lock().await;
        if session.held.contains(&partition) {
            return Ok(true);
        }
        let locked = lock(&mut session.connection, self.classes.partition, partition);
        let locked = with_timeout(self.answer_timeout, "acquire a partition", locked).await?;
        if locked {
            session.held.insert(partition);
        }
        Ok(locked)
    }

    /// Requests the partition from its owner, and acquires it. The owner releases it at its next rebalancing, after a
    /// last checkpoint; meanwhile no other member acquires it. `false` if it was not released in time.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn take_over(&self, partition: i32, within: Duration) -> Result<bool> {
        {
            let mut session = self.session.lock().await;
            let requested = lock(&mut session.connection, self.classes.requested, partition);
            // If another session requests it too, the first to acquire it gets it.
            with_timeout(self.answer_timeout, "request a partition", requested).await?;
        }
        let taken = async {
            while !self.try_acquire(partition).await? {
                tokio::time::sleep(ACQUIRE_INTERVAL).await;
            }
            Ok(())
        };
        timeout(within, taken).await.map_or(Ok(false), |taken: Result<()>| taken.map(|()| true))
    }

    /// Returns the partitions that some session has requested by [`Owner::take_over`].
    ///
    /// # Errors
    /// If the session is lost.
    pub(crate) async fn requested(&self) -> Result<BTreeSet<i32>> {
        let mut session = self.session.lock().await;
        let found = holders(&mut session.connection, self.classes.requested);
        let found = with_timeout(self.answer_timeout, "list the requested partitions", found).await?;
        Ok(found.into_iter().map(|holder| holder.key).collect())
    }

    /// Releases the partition. `false` if this session did not hold it.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn release(&self, partition: i32) -> Result<bool> {
        let mut session = self.session.lock().await;
        let unlocked = unlock(&mut session.connection, self.classes.partition, partition);
        let unlocked = with_timeout(self.answer_timeout, "release a partition", unlocked).await?;
        session.held.remove(&partition);
        Ok(unlocked)
    }

    /// Leaves the members and releases all partitions by closing the session.
    ///
    /// # Errors
    /// If the session was lost before; its locks are then released anyway.
    pub async fn close(self) -> Result<()> {
        let mut connection = self.session.into_inner().connection;
        // Unlock explicitly: the server may notice the closed connection only some time later.
        let unlocked = sqlx::query!("SELECT pg_advisory_unlock_all() AS unlocked").fetch_one(&mut connection);
        with_timeout(self.answer_timeout, "release all locks", unlocked).await?;
        with_timeout(self.answer_timeout, "close the session", connection.close()).await
    }

    async fn holders(&self) -> Result<Vec<Holder>> {
        let mut session = self.session.lock().await;
        let found = holders(&mut session.connection, self.classes.partition);
        with_timeout(self.answer_timeout, "list the owners of partitions", found).await
    }
}

impl Classes {
    fn of(namespace: &str) -> Self {
        // Any 32 bits of the hash will do. Replicas of all versions must agree on the hashed texts: never change them.
        let class = |what: &str| id::hash(format!("orgwatch/{namespace}/{what}").as_bytes()) as i32;
        Self { member: class("member"), partition: class("partition"), requested: class("asked") }
    }
}

/// How long to wait between two attempts to acquire a requested partition. A choice: short beside the interval of
/// rebalancing, after which the owner releases it.
const ACQUIRE_INTERVAL: Duration = Duration::from_millis(200);

/// How much longer than the statement timeout to wait for an answer, so that the server's own error arrives first. A
/// choice.
const ANSWER_MARGIN_MS: u64 = 2_000;

/// Runs `work` with a time limit: the client may never notice that a connection is dead.
///
/// # Errors
/// [`StoreError::NoAnswer`] after `limit`; [`StoreError::Query`] if the work fails.
pub(crate) async fn with_timeout<T>(
    limit: Duration,
    what: &'static str,
    work: impl Future<Output = std::result::Result<T, sqlx::Error>>,
) -> Result<T> {
    match timeout(limit, work).await {
        Ok(outcome) => outcome.context(what),
        Err(_) => Err(StoreError::NoAnswer { what, waited_ms: limit.as_millis() }),
    }
}

async fn lock(connection: &mut PgConnection, class: i32, key: i32) -> std::result::Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1, $2) AS "locked!""#, class, key).fetch_one(connection).await
}

async fn unlock(connection: &mut PgConnection, class: i32, key: i32) -> std::result::Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"SELECT pg_advisory_unlock($1, $2) AS "unlocked!""#, class, key).fetch_one(connection).await
}

/// A lock that some session of this database holds.
struct Holder {
    /// The second half of the lock's key: a member or a partition.
    key: i32,
    /// Whether the asking session itself holds it.
    own: bool,
}

async fn holders(connection: &mut PgConnection, class: i32) -> std::result::Result<Vec<Holder>, sqlx::Error> {
    // pg_locks shows both halves of a key as unsigned numbers; the CASE restores the sign.
    sqlx::query_as!(
        Holder,
        r#"SELECT (CASE WHEN l.objid::bigint < 2147483648 THEN l.objid::bigint ELSE l.objid::bigint - 4294967296 END)
               ::integer AS "key!",
               l.pid = pg_backend_pid() AS "own!"
           FROM pg_locks l
           WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
             AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
             AND l.classid::bigint = ($1::integer::bigint & 4294967295)"#,
        class
    )
    .fetch_all(connection)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_a_transient_error() {
        let silence = std::future::pending::<std::result::Result<(), sqlx::Error>>();
        let error = with_timeout(Duration::from_millis(1), "list the members", silence).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot list the members: no answer within 1 ms");
        assert!(error.is_transient());
    }

    #[test]
    fn namespaces_and_kinds_of_locks_do_not_share_classes() {
        let (a, b) = (Classes::of("a"), Classes::of("b"));
        let classes = BTreeSet::from([a.member, a.partition, a.requested, b.member, b.partition, b.requested]);
        assert_eq!(classes.len(), 6);
    }
}
