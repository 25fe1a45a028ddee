//! Synthetic suite and machine.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use ipcmark_record::{
    Build, Cache, Facts, Floors, IdleNoise, Machine, Operation, Placement, Sensors, SizedFloor, Suite,
};

use super::encode;

pub fn suite() -> Suite {
    Suite {
        version: "0.0.0".into(),
        revision: "synthetic".into(),
        build: Build {
            profile: "release".into(),
            target: "x86_64-synthetic".into(),
            rustc: "rustc 0.0.0".into(),
            opt_level: "3".into(),
            rustflags: String::new(),
        },
        plan: "synthetic".into(),
        question: "Which way should two processes of a made-up machine talk?".into(),
        answers: Vec::new(),
        plan_hash: "0123456789abcdef".into(),
        seed: 42,
        versions: BTreeMap::new(),
    }
}

pub fn machine() -> Machine {
    Machine {
        facts: Facts {
            hostname: "synthetic".into(),
            cpu_model: "Made-up Processor 2000".into(),
            architecture: "x86_64".into(),
            cpus_online: vec![0, 1],
            cpus_allowed: vec![0, 1],
            caches: vec![Cache {
                level: 1,
                kind: "Data".into(),
                bytes: 32 * 1024,
                line_bytes: 64,
                shared_by_cpus: vec![0],
            }],
            numa_nodes: 1,
            memory_bytes: 8 << 30,
            page_bytes: 4096,
            kernel: "0.0.0-synthetic".into(),
            operating_system: "Made-up Linux".into(),
            hypervisor: Some("Made-up".into()),
            clocksource: Some("tsc".into()),
            ticks_hz: Some(2_000_000_000),
            governor: None,
            boost: None,
            smt_active: Some(false),
            transparent_huge_pages: Some("madvise".into()),
            mitigations: vec!["made_up: Not affected".into()],
            ..Facts::default()
        },
        floors: Some(floors()),
        topology_trusted: false,
        sensors: Sensors::default(),
    }
}

pub fn floors() -> Floors {
    let sized = |per_byte: f64, fixed: f64| {
        [8u64, 64, 4096, 65_536, 1 << 20, 16 << 20]
            .map(|bytes| SizedFloor { bytes, footprint_bytes: bytes.max(262_144), ns: fixed + per_byte * bytes as f64 })
            .to_vec()
    };
    let mut idle = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("constant bounds");
    for gap in 0..200_000u64 {
        idle.saturating_record(if gap % 20_000 == 0 { 9_000 } else { 17 + gap % 5 });
    }
    Floors {
        cpus: vec![0, 1],
        placement: Placement::SameL3,
        line_round_trip_one_ns: Some(160.0),
        line_round_trip_two_ns: Some(190.0),
        copy: sized(0.06, 5.0),
        touch: sized(0.05, 3.0),
        transfer_stream: sized(0.11, 7.0),
        transfer_serial: sized(0.16, 98.0),
        atomic_ns: Some(5.0),
        pause_ns: Some(25.0),
        system_call_ns: 180.0,
        futex_hop_two_cpus_ns: Some(4_700.0),
        futex_hop_one_cpu_ns: 1_500.0,
        wake_ns: Some(3_200.0),
        context_switch_ns: 1_140.0,
        operations: BTreeMap::from([
            (Operation::UnixSend, 480.0),
            (Operation::UnixReceive, 380.0),
            (Operation::MapPage, 1_500.0),
            (Operation::RemoteFree, 20.0),
        ]),
        page_fault_ns: 700.0,
        clock_read_ns: 25.0,
        clock_step_ns: 1.0,
        tick_read_ns: 17.0,
        idle_noise: IdleNoise {
            elapsed_ns: 150_000_000,
            longest_gap_ns: 9_000,
            stolen_share: 0.0006,
            histogram: encode(&idle),
        },
    }
}
