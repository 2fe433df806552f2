"""What each source of sound is, for the data statement. The manifests have the licences."""

from __future__ import annotations

SOURCES: dict[str, str] = {
    "philharmonia": "single notes and phrases recorded by members of the Philharmonia Orchestra (London)",
    "fsdkaggle300": "300 clips of FSDKaggle2018, which are uploads to Freesound",
    "fluidr3": "single notes of the FluidR3 General MIDI soundfont",
    "msgeneral": "single notes of the MuseScore General soundfont (shares samples with FluidR3)",
    "tonejs_npm": "the tonejs-instruments package: notes from VSCO 2, Karoryfer, Iowa and Freesound",
    "weresax": "Karoryfer's saxophone notes (Weresax)",
    "karoryfer_bg": "Karoryfer's electric guitar notes (Black and Green Guitars)",
    "karoryfer_emily": "Karoryfer's electric guitar notes (Emilyguitar)",
    "fretsonfire": "guitar stems and backing tracks of the songs that come with the game Frets on Fire",
    "freepats_classical": "classical guitar notes of the FreePats project",
    "grandorgue_demo": "pipe organ notes of GrandOrgue's demonstration sample set",
    "organ_bureaa_reeds": "pipe organ notes of the Burea church organ's reed stops (Lars Palo)",
    "hydrogen_kits": "drum kits of the Hydrogen drum machine",
    "sonic_pi": "loops, drums, basses and ambience that come with Sonic Pi",
    "librispeech": "50 readings of LibriSpeech: speech as a counter-example",
    "libtsm": "two recordings of the libtsm project",
    "thinkdsp": "phrases from Freesound that come with the book Think DSP",
    "gcompris": "instrument phrases of the GCompris learning programs",
    "medley_solos_small": "97 clips of Medley-solos-DB",
    "sms_tools": "phrases from Freesound that come with sms-tools",
    "rendered_fluidr3_gm": "rendered here: random music without any of the eleven, FluidR3 soundfont (MIT)",
    "rendered_timgm6mb": "rendered here: random music without any of the eleven, TimGM6mb soundfont (GPL-2)",
    "synthetic_noise": "made here: hiss, hum, applause, crackle, tones and pulsed noise from random numbers",
    "wesnoth_sounds": "sound effects of the game Battle for Wesnoth (Debian's wesnoth-1.16-data)",
    "winterreise_huesch_1933": "songs of the Schubert Winterreise Dataset sung by G. Hüsch (PyPI's synctoolbox)",
    "winterreise_scarlata_2006": "the same songs sung by R. Scarlata; judged and calibrated by, never learned from",
    "vocadito": "two solo singers of vocadito, Bittner et al. (PyPI's basic-pitch)",
    "dagstuhl_choir": "a quartet of the Dagstuhl ChoirSet, Rosenzweig et al. (PyPI's libsoni)",
    "scratch": "sung loops, trumpets, drums and xylophones of Scratch's media library (Debian's scratch)",
    "hyperrogue_sounds": "sound effects of the game HyperRogue (Debian's hyperrogue-music)",
}

MUSIC: dict[str, str] = {
    "wesnoth-1.16-music": "orchestral music of Battle for Wesnoth, GPL-2+",
    "warzone2100-music": "music of Warzone 2100, GPL-2+ and CC-BY-SA-3.0",
    "hyperrogue-music": "music of HyperRogue, CC-BY-SA and CC-BY",
    "planetblupi-music-ogg": "music of Planet Blupi, GPL-3+",
    "singularity-music": "music of Endgame: Singularity, CC-BY-SA-3.0",
}
