SELECT 'a' || NULL;
