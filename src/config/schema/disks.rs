//! What a machine that stays has besides its instance.

use jiff::SignedDuration;

/// A volume of a machine's own, which goes along to whatever instance the machine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeVolume {
    /// How large it is, in GiB.
    pub size_gb: u32,
    /// Where it is mounted.
    pub mount: String,
    /// How large the swap file on it is, in GiB; 0 for none.
    pub swap_gb: u32,
}

/// How the disks are used that come with an instance type. They are blank after each start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStore {
    /// Where they are mounted, as one file system.
    pub mount: String,
    /// Which. Default ext4.
    pub filesystem: Filesystem,
}

/// A file system that a machine makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filesystem {
    /// `btrfs`, striped by itself.
    Btrfs,
    /// `ext4`.
    Ext4,
    /// `xfs`.
    Xfs,
}

impl Filesystem {
    /// All of them, each with its word.
    pub const WORDS: [(&'static str, Self); 3] =
        [("btrfs", Self::Btrfs), ("ext4", Self::Ext4), ("xfs", Self::Xfs)];

    /// Its name, as mkfs has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Btrfs => "btrfs",
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

/// When a machine stops by itself, because nothing goes on on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleStop {
    /// So long nothing may have gone on since its last start.
    pub after: SignedDuration,
    /// The work of all its processors together that counts as none, in percent: no minute's work
    /// may have reached it. Default 5.
    pub cpu_below: u32,
}
