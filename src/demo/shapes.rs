//! Machine types: true sizes (AWS's pages of instance types) and on-demand prices (Linux,
//! us-east-1), from which the made-up spot prices start.

/// A machine type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// EC2's word: `x86_64` or `arm64`.
    pub architecture: &'static str,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// USD an hour, on demand, Linux, us-east-1.
    pub on_demand: f64,
    /// How large its one disk is (NVMe instance store), in GB of a thousand MB; 0 for none.
    pub disk_gb: u32,
}

impl Shape {
    /// The type with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SHAPES.iter().find(|shape| shape.name == name)
    }

    /// Whether it runs on Nitro: then GetConsoleOutput has the latest output at once.
    pub fn is_nitro(&self) -> bool {
        !self.name.starts_with("t2.")
    }

    /// Whether it earns and spends credits.
    pub fn is_burstable(&self) -> bool {
        self.name.starts_with('t')
    }

    /// Whether accounts on the free plan may launch it (AWS, since July 2025).
    pub fn is_free_tier(&self) -> bool {
        const TYPES: [&str; 6] =
            ["c7i-flex.large", "m7i-flex.large", "t3.micro", "t3.small", "t4g.micro", "t4g.small"];
        TYPES.contains(&self.name)
    }

    /// With which families it shares a quota: G has one of its own, the others here are of the
    /// standard group (Service Quotas, `ec2`).
    pub fn quota_group(&self) -> &'static str {
        if self.name.starts_with('g') { "G and VT" } else { "standard" }
    }

    /// The part of its processors that a burstable type may use for ever (AWS: baseline
    /// utilization).
    pub fn baseline(&self) -> f64 {
        match self.name.split_once('.') {
            _ if !self.is_burstable() => 1.0,
            Some((_, "micro")) => 0.1,
            Some((_, "large")) => 0.3,
            Some((_, "xlarge")) => 0.4,
            _ => 0.2,
        }
    }

    /// Physical cores: two processors share one on x86, but not on T2.
    pub fn cores(&self) -> u32 {
        let shared = self.architecture == "x86_64" && self.is_nitro();
        if shared { self.vcpus / 2 } else { self.vcpus }
    }

    /// Whether a zone sells it. us-east-1e is the oldest hall of the oldest region: it never got
    /// Nitro types ("not supported in your requested Availability Zone").
    pub fn is_offered_in(&self, zone: &str) -> bool {
        zone != "us-east-1e" || !self.is_nitro()
    }
}

const fn x86(name: &'static str, vcpus: u32, memory_mib: u32, on_demand: f64) -> Shape {
    Shape { name, architecture: "x86_64", vcpus, memory_mib, on_demand, disk_gb: 0 }
}

const fn arm(name: &'static str, vcpus: u32, memory_mib: u32, on_demand: f64) -> Shape {
    Shape { name, architecture: "arm64", vcpus, memory_mib, on_demand, disk_gb: 0 }
}

const fn with_disk(disk_gb: u32, shape: Shape) -> Shape {
    Shape { disk_gb, ..shape }
}

/// All of them, sorted by name.
pub static SHAPES: &[Shape] = &[
    x86("c5.large", 2, 4096, 0.085),
    x86("c5.xlarge", 4, 8192, 0.17),
    arm("c6g.large", 2, 4096, 0.068),
    with_disk(125, x86("g4dn.xlarge", 4, 16384, 0.526)),
    x86("m5.large", 2, 8192, 0.096),
    x86("m5.xlarge", 4, 16384, 0.192),
    with_disk(75, x86("m5d.large", 2, 8192, 0.113)),
    with_disk(150, x86("m5d.xlarge", 4, 16384, 0.226)),
    arm("m6g.large", 2, 8192, 0.077),
    x86("m6i.large", 2, 8192, 0.096),
    x86("r5.large", 2, 16384, 0.126),
    x86("t2.medium", 2, 4096, 0.0464),
    x86("t2.small", 1, 2048, 0.023),
    x86("t3.large", 2, 8192, 0.0832),
    x86("t3.medium", 2, 4096, 0.0416),
    x86("t3.micro", 2, 1024, 0.0104),
    x86("t3.small", 2, 2048, 0.0208),
    x86("t3.xlarge", 4, 16384, 0.1664),
    x86("t3a.large", 2, 8192, 0.0752),
    x86("t3a.medium", 2, 4096, 0.0376),
    x86("t3a.small", 2, 2048, 0.0188),
    arm("t4g.large", 2, 8192, 0.0672),
    arm("t4g.medium", 2, 4096, 0.0336),
    arm("t4g.small", 2, 2048, 0.0168),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_by_name() {
        assert!(SHAPES.is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(Shape::named("t4g.medium").map(|shape| shape.architecture), Some("arm64"));
        assert_eq!(Shape::named("p9.future"), None);
        assert!(!Shape::named("t3.medium").unwrap().is_offered_in("us-east-1e"));
    }
}
