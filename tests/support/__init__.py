"""What tests share: synthetic sound, containers, a tiny model, a tiny corpus."""
