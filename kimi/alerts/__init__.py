"""What an operator is told of without looking, and how: rules, what was said of them already, and where it goes.

`watch` puts it together: a `sight` of the pool is judged by `rules`, the `ledger` knows what is news to whom, `texts`
says it in words, and `destinations` takes it away. What is known of all that lives in Redis, see `kimi.pool.alerts`.
"""
