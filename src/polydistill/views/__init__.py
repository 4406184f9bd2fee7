"""What people look at: findings in words, charts, tables, the answer browser, and the pages that hold them."""
