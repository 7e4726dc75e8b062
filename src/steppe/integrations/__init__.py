"""What a Task can call: AWS SDK actions, optimized integrations, and who carries the call out."""
