"""From a press to a person's decision: taps, incidents, the ladder, the desk, check-ins, detectors.

A tap: `sos_tap` (what was pressed) > `sos_flow` (one transaction: incident, event, notices, timer) > receipt > `ladder_flow` until someone
answers > `desk_flow` until someone has decided. What anybody but the desk may read of it is `public_face`, and nothing else.
"""
