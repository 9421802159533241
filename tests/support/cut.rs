//! A TCP proxy that breaks: it passes so many bytes to a host and then cuts the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A proxy in front of a host. It stops when the test process ends.
pub(crate) struct Cut {
    address: SocketAddr,
    cuts: Arc<AtomicUsize>,
}

impl Cut {
    /// Cuts each connection after so many bytes towards the host.
    pub(crate) fn after(host: SocketAddr, bytes: usize) -> Self {
        Self::times(host, bytes, usize::MAX)
    }

    /// Cuts the first `times` connections that carry so much, and lets all later ones be.
    pub(crate) fn times(host: SocketAddr, bytes: usize, times: usize) -> Self {
        let listener = TcpListener::bind((host.ip(), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let cuts = Arc::clone(&counted);
                thread::spawn(move || carry(client, host, bytes, times, &cuts));
            }
        });
        Self { address, cuts }
    }

    /// Cuts each connection after so many bytes from the host.
    pub(crate) fn answers(host: SocketAddr, bytes: u64) -> Self {
        let listener = TcpListener::bind((host.ip(), 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&cuts);
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let cuts = Arc::clone(&counted);
                let Ok(mut server) = TcpStream::connect(host) else { continue };
                let (asking, answering) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut { asking }, &mut server));
                thread::spawn(move || {
                    let passed = std::io::copy(&mut answering.take(bytes), &mut client);
                    cuts.fetch_add(
                        usize::from(passed.is_ok_and(|it| it == bytes)),
                        Ordering::SeqCst,
                    );
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, cuts }
    }

    /// Where to connect to instead of the host.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

fn carry(mut client: TcpStream, host: SocketAddr, bytes: usize, times: usize, cuts: &AtomicUsize) {
    let Ok(mut server) = TcpStream::connect(host) else { return };
    let (mut back_from, mut back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let back = thread::spawn(move || {
        let _ = std::io::copy(&mut back_from, &mut back_to);
        let _ = back_to.shutdown(Shutdown::Both);
    });
    let mut passed = 0;
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        passed += read;
        if passed > bytes && cuts.load(Ordering::SeqCst) < times {
            cuts.fetch_add(1, Ordering::SeqCst);
            break;
        }
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    let _ = back.join();
}
