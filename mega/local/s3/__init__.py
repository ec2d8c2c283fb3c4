"""S3: buckets, objects, and uploads in parts."""
