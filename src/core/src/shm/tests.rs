//! All available substrates keep what is written, in every mapping.
#![allow(unsafe_code)]

use super::*;

/// More than a page, but not a multiple of it.
const BYTES: usize = 10_000;

fn available() -> impl Iterator<Item = Substrate> {
    Substrate::ALL.iter().copied().filter(|substrate| unavailable(*substrate).is_none())
}

fn mapped(address: &Address, substrate: Substrate, end: Endpoint) -> Segment {
    let segment = Segment::attach(address, end, BYTES).and_then(|segment| segment.settled(substrate, true));
    segment.unwrap_or_else(|error| panic!("{substrate}: {error}"))
}

#[test]
fn a_segment_starts_as_zeros_and_both_endpoints_see_each_write() {
    for substrate in available() {
        let address = create(substrate, BYTES).unwrap_or_else(|error| panic!("{substrate}: {error}"));
        let (one, other) =
            (mapped(&address, substrate, Endpoint::Sender), mapped(&address, substrate, Endpoint::Receiver));
        drop(address.clone().release());
        assert_ne!(one.at(0, 1), other.at(0, 1), "{substrate}: two mappings");
        // SAFETY: within both segments, which only this thread uses.
        let seen = |segment: &Segment, offset| unsafe { segment.at(offset, 1).read_volatile() };
        for offset in [0, 4095, BYTES - 1] {
            assert_eq!(seen(&one, offset), 0, "{substrate}");
            // SAFETY: as above.
            unsafe { other.at(offset, 1).write_volatile(offset as u8 | 1) };
            assert_eq!(seen(&one, offset), offset as u8 | 1, "{substrate}");
        }
    }
}

#[test]
fn a_segment_smaller_than_agreed_is_refused() {
    for substrate in available() {
        let address = create(substrate, BYTES).unwrap_or_else(|error| panic!("{substrate}: {error}"));
        let refused = Segment::attach(&address, Endpoint::Sender, 1 << 30).err();
        drop(address.clone().release());
        assert_eq!(refused.map(|error| error.kind()), Some(io::ErrorKind::InvalidData), "{substrate}");
    }
}

#[test]
fn a_released_name_is_gone_while_its_mappings_stay() {
    for substrate in available() {
        let address = create(substrate, BYTES).unwrap_or_else(|error| panic!("{substrate}: {error}"));
        let segment = mapped(&address, substrate, Endpoint::Sender);
        drop(address.clone().release());
        if let Address::Named(_) = &address {
            let error = Segment::attach(&address, Endpoint::Sender, BYTES).err().expect("its name is gone");
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{substrate}");
        }
        segment.touch(BYTES - 1);
    }
}

#[test]
fn an_unavailable_substrate_has_a_reason() {
    for substrate in Substrate::ALL {
        if let Some(why) = unavailable(*substrate) {
            assert!(why.len() > 20, "{substrate}: {why}");
        }
    }
}
