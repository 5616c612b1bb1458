//! Counters and sysctls as kernels write them.

use crate::kernel::proc::{stats, sysctl};

#[test]
fn stats_of_every_kernel() {
    for ((kernel, file), (_, cpus)) in
        captured!("proc-net-ip_vs_stats").iter().zip(captured!("proc-net-ip_vs_stats_percpu"))
    {
        let totals = stats::totals(file).unwrap();
        let per_cpu = stats::per_cpu(cpus).unwrap();
        assert!(totals.counters.connections > 0, "kernel {kernel}");
        assert_eq!(per_cpu.cpus.iter().map(|c| c.cpu).collect::<Vec<_>>(), [0, 1]);
        let live: u64 = per_cpu.cpus.iter().map(|c| c.counters.in_packets).sum();
        assert!(live >= per_cpu.sum.counters.in_packets, "kernel {kernel}");
    }
}

/// In the kernel's format, with more CPUs than the lab has.
#[test]
fn cpus_are_numbered_in_hexadecimal() {
    let file = b"       Total Incoming Outgoing         Incoming         Outgoing
CPU    Conns  Packets  Packets            Bytes            Bytes
  0    EC76C   2A6BB9        0          AD77113                0
  A      C48     216A        0            8A10D                0
  ~    ED3B4   2A8D23        0          AE01220                0

     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
           1        2        3                4                5
";
    let per_cpu = stats::per_cpu(file).unwrap();
    assert_eq!(per_cpu.cpus[1].cpu, 10);
    assert_eq!(per_cpu.cpus[1].counters.in_bytes, 0x8A10D);
    assert_eq!(per_cpu.sum.counters.connections, 0xED3B4);
    assert_eq!(per_cpu.sum.rates.out_bytes, 5);
}

#[test]
fn defaults_of_the_sysctls_are_the_kernels() {
    for (kernel, file) in captured!("sysctl-net-ipv4-vs") {
        for line in str::from_utf8(file).unwrap().lines() {
            let (path, value) = line.split_once(':').unwrap();
            let name = path.rsplit('/').next().unwrap();
            let known = sysctl::Sysctl::find(name).unwrap_or_else(|| panic!("{kernel}: {name}"));
            assert_ne!(known.is_changed(value), Some(true), "{kernel}: {name} is {value}");
        }
    }
}
