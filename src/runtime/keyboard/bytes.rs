//! Where a keyboard's bytes come from.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use tokio::net::unix::pipe::Receiver;

/// A line on which bytes come when they come.
pub trait Bytes {
    /// Reads what is there, at least one byte; 0 at the end. Cancel-safe.
    fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>>;
}

/// The terminal that is this process' standard input. Tokio's "pipe" waits for any file that can be
/// waited for; what it has for all files is unsafe to make.
#[derive(Debug)]
pub struct TtyBytes(Receiver);

impl TtyBytes {
    /// Reads from now on what is typed. Needs a runtime around it.
    pub fn new() -> io::Result<Self> {
        Receiver::from_owned_fd_unchecked(io::stdin().as_fd().try_clone_to_owned()?).map(Self)
    }
}

impl Bytes for TtyBytes {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.0.readable().await?;
            match self.0.try_io(|| read_what_is_there(&self.0, buffer)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

/// Never blocks, though the file does: the shell that started this has the same open file, for its
/// output as well, and would write to one that is non-blocking as if it were not.
fn read_what_is_there(file: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let mut asked = [PollFd::new(&file, PollFlags::IN)];
    if retry_on_intr(|| poll(&mut asked, Some(&Timespec::default())))? == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    Ok(retry_on_intr(|| rustix::io::read(&file, &mut *buffer))?)
}
