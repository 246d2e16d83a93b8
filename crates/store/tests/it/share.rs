use crate::support::Database;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Owner, Share};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const NUMBERS: u16 = 8;
const PATIENCE: Duration = Duration::from_secs(8);

/// How many work on each number.
#[derive(Default)]
struct Board {
    running: BTreeMap<u16, usize>,
    /// At the same time, on any number.
    most: usize,
    started: usize,
}

impl Board {
    fn start(&mut self, number: u16) {
        let running = self.running.entry(number).or_default();
        *running += 1;
        self.most = self.most.max(*running);
        self.started += 1;
    }

    fn end(&mut self, number: u16) {
        *self.running.get_mut(&number).unwrap() -= 1;
    }

    fn running(&self) -> usize {
        self.running.values().sum()
    }
}

struct Replica {
    held: watch::Receiver<usize>,
    /// Ends one piece of work by itself.
    tire: Arc<Notify>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(database: &Database, name: &'static str, member: i32, board: &Arc<Mutex<Board>>) -> Self {
        let share = Share {
            settings: database.settings(),
            application: name,
            namespace: "test".into(),
            member,
            numbers: NUMBERS,
            interval: Duration::from_millis(20),
        };
        let (sender, held) = watch::channel(0);
        let (tire, shutdown) = (Arc::new(Notify::new()), CancellationToken::new());
        let (board, tired, stop) = (Arc::clone(board), Arc::clone(&tire), shutdown.clone());
        let task = tokio::spawn(async move {
            let begin = |_owner| {
                let (board, tired) = (Arc::clone(&board), Arc::clone(&tired));
                move |number, stop: CancellationToken| {
                    let (board, tired) = (Arc::clone(&board), Arc::clone(&tired));
                    async move {
                        board.lock().unwrap().start(number);
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = tired.notified() => {}
                        }
                        board.lock().unwrap().end(number);
                    }
                }
            };
            let held = |count| {
                sender.send_replace(count);
            };
            share.keep(&stop, begin, held).await;
        });
        Self { held, tire, shutdown, task }
    }

    async fn holds(&mut self, count: usize) {
        tokio::time::timeout(PATIENCE, self.held.wait_for(|held| *held == count)).await.unwrap().unwrap();
    }

    async fn end(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn replicas_share_evenly_and_never_work_on_the_same() {
    let (database, _store) = Database::migrated().await;
    let board = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.holds(8).await;
    // The same member: one of them has to take another name.
    let mut b = Replica::start(&database, "b", 1, &board);
    tokio::join!(a.holds(4), b.holds(4));
    b.end().await;
    a.holds(8).await;
    assert_eq!(board.lock().unwrap().running(), 8);
    a.end().await;
    let board = board.lock().unwrap();
    assert_eq!((board.running(), board.most), (0, 1));
}

#[tokio::test]
async fn what_a_replica_loses_others_take() {
    let (database, _store) = Database::migrated().await;
    let board = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.holds(8).await;
    database.terminate("a").await;
    a.holds(0).await;
    assert_eq!(board.lock().unwrap().running(), 0, "work ends with its session");
    let mut b = Replica::start(&database, "b", 2, &board);
    tokio::join!(a.holds(4), b.holds(4));
    a.end().await;
    b.holds(8).await;
    b.end().await;
}

#[tokio::test]
async fn work_that_ends_by_itself_is_begun_anew() {
    let (database, _store) = Database::migrated().await;
    let board: Arc<Mutex<Board>> = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.holds(8).await;
    let started = async |count| {
        while board.lock().unwrap().started < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, started(8)).await.unwrap();
    a.tire.notify_waiters();
    tokio::time::timeout(PATIENCE, started(16)).await.unwrap();
    a.end().await;
    assert_eq!(board.lock().unwrap().most, 1);
}

#[tokio::test]
async fn what_a_visitor_asks_for_is_let_go_and_comes_back() {
    let (database, _store) = Database::migrated().await;
    let board: Arc<Mutex<Board>> = Arc::default();
    let mut a = Replica::start(&database, "a", 1, &board);
    a.holds(8).await;
    let visitor = Owner::visit(&database.settings(), "visitor", "test").await.unwrap();
    assert!(visitor.claim(5, PATIENCE).await.unwrap());
    assert_eq!(visitor.held().await.unwrap(), [5]);
    assert_eq!(board.lock().unwrap().running[&5], 0, "after its work has ended");
    a.holds(7).await;
    // Another one takes its share, and leaves alone what the visitor has.
    let mut b = Replica::start(&database, "b", 2, &board);
    tokio::join!(a.holds(4), b.holds(3));
    visitor.close().await.unwrap();
    tokio::join!(a.holds(4), b.holds(4));
    assert_eq!(board.lock().unwrap().running(), 8);

    let stubborn = Owner::connect(&database.settings(), "stubborn", "alone", 1).await.unwrap();
    assert!(stubborn.try_own(5).await.unwrap());
    let visitor = Owner::visit(&database.settings(), "visitor", "alone").await.unwrap();
    assert!(!visitor.claim(5, Duration::from_millis(300)).await.unwrap());
    a.end().await;
    b.end().await;
}
