//! A client of the admin server, for images without one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than a readiness check takes, and shorter than probes wait.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Many times the length of an answer of `/readyz`.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Asks the admin server of this machine for `path`; returns the status and the body of its answer. `listen` is the
/// address on which the server listens.
///
/// # Errors
/// If nothing answers in time, or not in HTTP.
pub async fn ask(listen: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let answer = timeout(TIMEOUT, exchange(reachable(listen), path)).await??;
    let parts =
        answer.split_once("\r\n\r\n").and_then(|(head, body)| Some((head.split(' ').nth(1)?.parse().ok()?, body)));
    let (status, body) = parts.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))?;
    Ok((status, body.to_owned()))
}

async fn exchange(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: orgwatch\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Returns the address at which a server on all addresses of a machine is reached from the machine itself.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_the_loopback() {
        let check = |listen: &str, expected: &str| {
            assert_eq!(reachable(listen.parse().unwrap()), expected.parse().unwrap());
        };
        check("0.0.0.0:9090", "127.0.0.1:9090");
        check("[::]:9090", "[::1]:9090");
        check("10.0.0.7:9090", "10.0.0.7:9090");
    }

    #[tokio::test]
    async fn a_server_that_is_silent_or_gone_is_an_error() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::time::pause();
        assert_eq!(ask(address, "/readyz").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(listener);
        tokio::time::resume();
        assert_eq!(ask(address, "/readyz").await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
