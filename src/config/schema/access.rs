//! How instances are reached, and from where.

use std::path::PathBuf;

use ipnet::IpNet;

/// What becomes of a block of `ssh_config` that a command would have to decide: none is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchExec {
    /// It is passed over, and said.
    Skip,
    /// Whoever wants to go there is refused, by `validate` already.
    Refuse,
}

/// How instances are reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Ssh {
    /// An `ssh_config` file. Default: what `ssh` reads, `~/.ssh/config` and the system's.
    pub config_file: Option<PathBuf>,
    /// What becomes of its blocks whose `Match exec` would decide. Default: passed over.
    pub match_exec: MatchExec,
    /// The port. Default 22, or what `ssh_config` says.
    pub port: Option<u16>,
    /// Which address is dialled. Default public.
    pub connect: Connect,
    /// Who may reach port 22. Default: this machine's address alone.
    pub allow_from: AllowFrom,
    /// The service that tells this machine's public address. Default AWS's own.
    pub checkip_url: String,
    /// How long an instance may take to answer, in seconds. Default 300.
    pub timeout_s: u32,
    /// How long an instance's console may be silent about its host keys, in seconds. Default 900.
    pub console_timeout_s: u32,
    /// How far an unknown host key is trusted.
    pub host_key: HostKeyPolicy,
}

/// Which address is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connect {
    /// The public one.
    Public,
    /// The one in the VPC, through a VPN or a jump host.
    Private,
}

/// Who may reach port 22.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowFrom {
    /// The address from which this machine reaches AWS.
    Auto,
    /// These networks, written by the user.
    Networks(Vec<IpNet>),
}

impl AllowFrom {
    /// What the user should know about what they wrote. No operator has a network as large as a
    /// `/8`: whoever writes one means everybody.
    pub fn notes(&self) -> Vec<String> {
        let Self::Networks(networks) = self else { return Vec::new() };
        let everybody = networks.iter().filter(|network| network.prefix_len() < 8);
        everybody
            .map(|network| {
                format!(
                    "ssh.allow_from: {network} lets the whole internet knock at port 22 of every \
                     instance; `auto` is your own address alone"
                )
            })
            .collect()
    }
}

/// How far a host key is trusted that was never seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// Compared with the console output; pinned for the time being where the console is silent.
    Console,
    /// Compared with the console output, or refused.
    Strict,
    /// The first key is kept.
    Pin,
}
