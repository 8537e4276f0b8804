"""A labelled folder -> figures with intervals. Needs the extra [eval], but for dataset and corruptions."""
