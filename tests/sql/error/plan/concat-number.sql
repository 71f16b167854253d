SELECT 'a' || 1;
