//! Who owns which partition: session advisory locks, on the very connection that commits the checkpoints.
//!
//! A replica that dies loses its session, and with it its membership, its partitions and the right to commit.

mod checkpoint;
mod quota;
mod share;

pub use checkpoint::{StateEntry, StateKey};
pub use quota::quota;
pub use share::Share;

use crate::Settings;
use crate::error::{Doing, Result, StoreError};
use model::id;
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// One session, and the membership and partitions that are locked in it.
///
/// Calls take turns on the one connection. After an error the session may be gone, so what was owned counts as lost:
/// drop this and connect anew.
#[derive(Debug)]
pub struct Owner {
    session: Mutex<Session>,
    member: i32,
    classes: Classes,
    /// How long an answer may take. The server gives up on its own before.
    patience: Duration,
}

#[derive(Debug)]
struct Session {
    connection: PgConnection,
    /// Session locks are counted by the server; here each is taken once.
    held: BTreeSet<i32>,
}

/// The first halves of the keys of the locks.
#[derive(Clone, Copy, Debug)]
struct Classes {
    member: i32,
    partition: i32,
    /// Of partitions that somebody asks the owner for.
    asked: i32,
}

impl Owner {
    /// Connects, and joins the members of `namespace` as `member`, which should be random.
    ///
    /// # Errors
    /// [`StoreError::MemberTaken`] if another session is that member; if the database cannot be reached.
    pub async fn connect(settings: &Settings, application: &str, namespace: &str, member: i32) -> Result<Self> {
        let mut owner = Self::visit(settings, application, namespace).await?;
        let connection = &mut owner.session.get_mut().connection;
        if !answer(owner.patience, "join", lock(connection, owner.classes.member, member)).await? {
            return Err(StoreError::MemberTaken { member });
        }
        Ok(Self { member, ..owner })
    }

    /// Connects without joining the members: a visitor has no share, and takes what it asks for.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn visit(settings: &Settings, application: &str, namespace: &str) -> Result<Self> {
        let options = settings.session(application)?;
        let patience = Duration::from_millis(settings.statement_timeout_ms.saturating_add(2_000));
        let connection = answer(patience, "connect", options.connect()).await?;
        let session = Mutex::new(Session { connection, held: BTreeSet::new() });
        Ok(Self { session, member: 0, classes: Classes::of(namespace), patience })
    }

    /// 0 of a visitor.
    pub fn member(&self) -> i32 {
        self.member
    }

    /// Every member of the namespace, this one included, in ascending order.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn members(&self) -> Result<Vec<i32>> {
        let mut session = self.session.lock().await;
        let found = holders(&mut session.connection, self.classes.member);
        let mut members: Vec<i32> =
            answer(self.patience, "list the members", found).await?.into_iter().map(|holder| holder.key).collect();
        members.sort_unstable();
        Ok(members)
    }

    /// The partitions that this session holds by what the server says, in ascending order.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn held(&self) -> Result<Vec<i32>> {
        let mut held: Vec<i32> =
            self.holders().await?.into_iter().filter(|holder| holder.own).map(|holder| holder.key).collect();
        held.sort_unstable();
        Ok(held)
    }

    /// The partitions from 0 to `partitions` − 1 that nobody holds, in ascending order.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn free(&self, partitions: i32) -> Result<Vec<i32>> {
        let taken: BTreeSet<i32> = self.holders().await?.into_iter().map(|holder| holder.key).collect();
        Ok((0..partitions).filter(|partition| !taken.contains(partition)).collect())
    }

    /// Takes the partition unless another session holds it. `true` if it is held now, also if it was before.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn try_own(&self, partition: i32) -> Result<bool> {
        let mut session = self.session.lock().await;
        if session.held.contains(&partition) {
            return Ok(true);
        }
        let locked = lock(&mut session.connection, self.classes.partition, partition);
        let locked = answer(self.patience, "take a partition", locked).await?;
        if locked {
            session.held.insert(partition);
        }
        Ok(locked)
    }

    /// Asks whoever owns the partition to let go of it, and takes it. The owner does that at its next look at the
    /// members, after a last checkpoint; nobody else takes it meanwhile. `false` if it was not let go `within`.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn claim(&self, partition: i32, within: Duration) -> Result<bool> {
        {
            let mut session = self.session.lock().await;
            let asked = lock(&mut session.connection, self.classes.asked, partition);
            // Somebody else may be asking, too: then who takes it first has it.
            answer(self.patience, "ask for a partition", asked).await?;
        }
        let taken = async {
            while !self.try_own(partition).await? {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        timeout(within, taken).await.map_or(Ok(false), |taken: Result<()>| taken.map(|()| true))
    }

    /// The partitions that somebody asks for.
    ///
    /// # Errors
    /// If the session is lost.
    pub(crate) async fn asked(&self) -> Result<BTreeSet<i32>> {
        let mut session = self.session.lock().await;
        let found = holders(&mut session.connection, self.classes.asked);
        let found = answer(self.patience, "list the partitions that are asked for", found).await?;
        Ok(found.into_iter().map(|holder| holder.key).collect())
    }

    /// Lets go of the partition. `false` if it was not held.
    ///
    /// # Errors
    /// If the session is lost.
    pub async fn disown(&self, partition: i32) -> Result<bool> {
        let mut session = self.session.lock().await;
        let unlocked = unlock(&mut session.connection, self.classes.partition, partition);
        let unlocked = answer(self.patience, "let go of a partition", unlocked).await?;
        session.held.remove(&partition);
        Ok(unlocked)
    }

    /// Leaves the members and lets go of all partitions, by ending the session.
    ///
    /// # Errors
    /// If the session was lost before; then they are free anyway.
    pub async fn close(self) -> Result<()> {
        let mut connection = self.session.into_inner().connection;
        // The server notices the end of a session some time later.
        let unlocked = sqlx::query!("SELECT pg_advisory_unlock_all() AS unlocked").fetch_one(&mut connection);
        answer(self.patience, "let go of everything", unlocked).await?;
        answer(self.patience, "end the session", connection.close()).await
    }

    async fn holders(&self) -> Result<Vec<Holder>> {
        let mut session = self.session.lock().await;
        let found = holders(&mut session.connection, self.classes.partition);
        answer(self.patience, "list the owners of partitions", found).await
    }
}

impl Classes {
    fn of(namespace: &str) -> Self {
        // Any 32 bits of the hash will do.
        let class = |what: &str| id::hash(format!("orgwatch/{namespace}/{what}").as_bytes()) as i32;
        Self { member: class("member"), partition: class("partition"), asked: class("asked") }
    }
}

/// How often it is tried to take what was asked for.
const LOOK: Duration = Duration::from_millis(200);

/// A server that does not answer is an error: the client's side of the connection may never notice.
pub(crate) async fn answer<T>(
    patience: Duration,
    what: &'static str,
    work: impl Future<Output = std::result::Result<T, sqlx::Error>>,
) -> Result<T> {
    match timeout(patience, work).await {
        Ok(outcome) => outcome.doing(what),
        Err(_) => Err(StoreError::NoAnswer { what, waited_ms: patience.as_millis() }),
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
    key: i32,
    /// By the session that asks.
    own: bool,
}

async fn holders(connection: &mut PgConnection, class: i32) -> std::result::Result<Vec<Holder>, sqlx::Error> {
    // pg_locks shows both halves of a key as unsigned, hence the wrap to the sign.
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
        let error = answer(Duration::from_millis(1), "list the members", silence).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot list the members: no answer within 1 ms");
        assert!(error.is_transient());
    }

    #[test]
    fn namespaces_and_kinds_have_classes_of_their_own() {
        let (a, b) = (Classes::of("a"), Classes::of("b"));
        let classes = BTreeSet::from([a.member, a.partition, a.asked, b.member, b.partition, b.asked]);
        assert_eq!(classes.len(), 6);
    }
}
