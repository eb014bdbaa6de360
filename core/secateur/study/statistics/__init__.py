"""What rows say of methods: estimates with intervals, tests, curves; nothing is drawn here."""
