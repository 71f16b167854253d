import java.io.IOException;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Records what a real Flink answers to a SQL script: CASE.sql → CASE.jsonl, or CASE.error where Flink refuses or fails.
 *
 * <p>A line of CASE.jsonl is one row of a changelog: {"op":"+I","row":{"column":value,…}}. Forms of values: numbers as JSON
 * numbers (NaN and infinities as text), DECIMAL as plain text, TIMESTAMP as "yyyy-MM-dd HH:mm:ss[.fff]", TIMESTAMP_LTZ the
 * same in UTC with a final Z, BYTES as base64, ROW as an object, ARRAY as an array, MAP and MULTISET as objects with sorted
 * keys, all else as Java prints it.
 *
 * <p>CASE.error: "refused" (when the statement was read or planned) or "failed" (when it ran), then the chain of causes.
 */
public class FlinkRecorder {
  private static final int TIMEOUT_SECONDS = Integer.getInteger("timeout", 60);
  private static final DateTimeFormatter DATE_TIME = new DateTimeFormatterBuilder().appendPattern("yyyy-MM-dd HH:mm:ss")
      .appendFraction(ChronoField.NANO_OF_SECOND, 0, 9, true).toFormatter(Locale.ROOT);

  public static void main(String[] files) throws Exception {
    for (String file : files) {
      new FlinkRecorder(Path.of(file).toAbsolutePath().normalize()).record();
    }
    System.exit(0); // threads of a job that did not end must not keep the JVM
  }

  private final Path script;
  private final Path outFolder;
  private final List<String> lines = new ArrayList<>();
  /** Whether the statement that is being executed has been accepted, so that what goes wrong now goes wrong at run time. */
  private volatile boolean running;

  private FlinkRecorder(Path script) throws IOException {
    this.script = script;
    this.outFolder = Files.createTempDirectory("argus-record");
  }

  private void record() throws Exception {
    ExecutorService worker = Executors.newSingleThreadExecutor(runnable -> {
      Thread thread = new Thread(runnable);
      thread.setDaemon(true);
      return thread;
    });
    Throwable failure = null;
    Future<Void> done = worker.submit(() -> {
      runScript();
      return null;
    });
    try {
      done.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      failure = e.getCause();
    } catch (TimeoutException e) {
      throw new IllegalStateException(script + ": no end within " + TIMEOUT_SECONDS + " s");
    } finally {
      worker.shutdownNow();
      delete(outFolder);
    }
    String base = script.toString().replaceFirst("\\.sql$", "");
    if (failure == null) {
      Files.deleteIfExists(Path.of(base + ".error"));
      writeLines(Path.of(base + ".jsonl"), lines.stream().map(this::portable).collect(Collectors.toList()));
    } else {
      Files.deleteIfExists(Path.of(base + ".jsonl"));
      Files.writeString(Path.of(base + ".error"), portable(reasons(failure)));
    }
    System.err.println(script + ": " + (failure == null ? lines.size() + " rows" : running ? "failed" : "refused"));
  }

  /** Leaves a file alone that differs only in the order of inserted rows, which is free. */
  private static void writeLines(Path file, List<String> lines) throws IOException {
    boolean onlyInserts = lines.stream().allMatch(line -> line.startsWith("{\"op\":\"+I\""));
    if (onlyInserts && Files.exists(file) && sorted(Files.readAllLines(file)).equals(sorted(lines))) {
      return;
    }
    Files.writeString(file, lines.stream().map(line -> line + "\n").collect(Collectors.joining()));
  }

  private static List<String> sorted(List<String> lines) {
    return lines.stream().sorted().collect(Collectors.toList());
  }

  private void runScript() throws Exception {
    Configuration configuration = new Configuration();
    configuration.setString("rest.bind-port", "0");
    StreamTableEnvironment tables =
        StreamTableEnvironment.create(StreamExecutionEnvironment.createLocalEnvironment(1, configuration));
    String text = Files.readString(script).replace("${CASE}", script.getParent().toString()).replace("${OUT}", outFolder.toString());
    for (String statement : ScriptSplitter.split(text)) {
      runStatement(tables, statement);
    }
  }

  private static final Pattern SET = Pattern.compile("(?is)^SET\\s+'([^']+)'\\s*=\\s*'([^']*)'$");
  private static final Pattern RESET = Pattern.compile("(?is)^RESET\\s+'([^']+)'$");
  private static final Pattern CHANGES_DATA = Pattern.compile("(?is)^(INSERT|EXECUTE)\\b.*");
  private static final Pattern ANSWERS = Pattern.compile("(?is)^[(\\s]*(SELECT|WITH|VALUES|DESC|DESCRIBE|SHOW|EXPLAIN)\\b.*");

  private void runStatement(StreamTableEnvironment tables, String statement) throws Exception {
    // SET and RESET belong to Flink's SQL client: the planner does not know them.
    Matcher set = SET.matcher(statement);
    if (set.matches()) {
      tables.getConfig().set(set.group(1), set.group(2));
      return;
    }
    Matcher reset = RESET.matcher(statement);
    if (reset.matches()) {
      tables.getConfig().getConfiguration().removeKey(reset.group(1));
      return;
    }
    running = false;
    TableResult result = tables.executeSql(statement);
    running = true;
    if (CHANGES_DATA.matcher(statement).matches()) {
      result.await();
    } else if (ANSWERS.matcher(statement).matches()) {
      List<String> columns = result.getResolvedSchema().getColumnNames();
      try (CloseableIterator<Row> rows = result.collect()) {
        rows.forEachRemaining(row -> lines.add(changelogLine(columns, row)));
      }
    }
  }

  // ---- values ----

  private static String changelogLine(List<String> columns, Row row) {
    String values = IntStream.range(0, columns.size())
        .mapToObj(i -> quote(columns.get(i)) + ":" + json(row.getField(i)))
        .collect(Collectors.joining(","));
    return "{\"op\":\"" + row.getKind().shortString() + "\",\"row\":{" + values + "}}";
  }

  private static String json(Object value) {
    if (value == null || value instanceof Boolean || value instanceof Byte || value instanceof Short
        || value instanceof Integer || value instanceof Long) {
      return String.valueOf(value);
    }
    if (value instanceof Double || value instanceof Float) {
      boolean finite = Double.isFinite(((Number) value).doubleValue());
      return finite ? value.toString() : quote(value.toString());
    }
    if (value instanceof BigDecimal) {
      return quote(((BigDecimal) value).toPlainString());
    }
    if (value instanceof LocalDateTime) {
      return quote(DATE_TIME.format((LocalDateTime) value));
    }
    if (value instanceof Instant) {
      return quote(DATE_TIME.format(((Instant) value).atOffset(ZoneOffset.UTC)) + "Z");
    }
    if (value instanceof byte[]) {
      return quote(Base64.getEncoder().encodeToString((byte[]) value));
    }
    if (value instanceof Row) {
      return json((Row) value);
    }
    if (value instanceof Map) {
      Map<String, Object> sorted = new TreeMap<>();
      ((Map<?, ?>) value).forEach((key, item) -> sorted.put(String.valueOf(key), item));
      return object(sorted.keySet(), sorted.values());
    }
    if (value.getClass().isArray()) {
      return IntStream.range(0, Array.getLength(value)).mapToObj(i -> json(Array.get(value, i)))
          .collect(Collectors.joining(",", "[", "]"));
    }
    return quote(value.toString());
  }

  private static String json(Row row) {
    Collection<String> names = row.getFieldNames(true);
    if (names != null) {
      return object(names, names.stream().map(row::getField).collect(Collectors.toList()));
    }
    return IntStream.range(0, row.getArity()).mapToObj(i -> json(row.getField(i))).collect(Collectors.joining(",", "[", "]"));
  }

  private static String object(Collection<String> names, Collection<?> values) {
    List<String> parts = new ArrayList<>();
    var value = values.iterator();
    names.forEach(name -> parts.add(quote(name) + ":" + json(value.next())));
    return "{" + String.join(",", parts) + "}";
  }

  private static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < 0x20) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  // ---- failures ----

  /** The chain of causes, without what differs between two runs and without the parser's long lists of expected words. */
  private String reasons(Throwable failure) {
    StringBuilder out = new StringBuilder(running ? "failed\n" : "refused\n");
    for (Throwable e = failure; e != null; e = e.getCause()) {
      String message = String.valueOf(e.getMessage()).split("\nWas expecting")[0];
      out.append(e.getClass().getName()).append(": ").append(message.trim()).append('\n');
    }
    return out.toString()
        .replaceAll("(pekko|akka)[.:/]\\S*", "<actor>")
        .replaceAll("\\b[0-9a-f]{32}\\b", "<id>")
        .replaceAll("(rel|RelSubset|input=\\w+)#\\d+", "$1")
        .replaceAll("[ \\t]+(?=\\n)", "");
  }

  /** Undoes what the recorder put in: the folders of this machine. */
  private String portable(String text) {
    return text.replace(script.getParent().toString(), "${CASE}").replace(outFolder.toString(), "${OUT}");
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).collect(Collectors.toList())) {
        Files.delete(path);
      }
    }
  }
}

/** Cuts a script into statements as the SQL client does: at semicolons outside of quotes, comments and statement sets. */
final class ScriptSplitter {
  private static final Pattern SET_BEGINS = Pattern.compile("(?is)\\s*(EXECUTE|BEGIN)\\s+STATEMENT\\s+SET\\b.*");

  private final String script;
  private final List<String> statements = new ArrayList<>();
  private final StringBuilder current = new StringBuilder();
  private int at;

  private ScriptSplitter(String script) {
    this.script = script;
  }

  static List<String> split(String script) {
    return new ScriptSplitter(script).split();
  }

  private List<String> split() {
    int lastSemicolon = 0; // where the statement inside an open statement set began
    while (at < script.length()) {
      char c = script.charAt(at);
      if (script.startsWith("--", at)) {
        skipTo("\n");
      } else if (script.startsWith("/*", at) && !script.startsWith("/*+", at)) {
        skipTo("*/");
        current.append(' ');
      } else if (c == '\'' || c == '`') {
        copyTo(script.indexOf(c, at + 1));
      } else {
        current.append(c);
        at++;
      }
      if (c == ';' && current.length() > 0 && current.charAt(current.length() - 1) == ';') {
        String part = current.substring(lastSemicolon, current.length() - 1).trim();
        lastSemicolon = current.length();
        if (!SET_BEGINS.matcher(current).lookingAt() || part.equalsIgnoreCase("END")) {
          current.setLength(current.length() - 1);
          finish();
          lastSemicolon = 0;
        }
      }
    }
    finish();
    if (statements.isEmpty()) {
      throw new IllegalArgumentException("no statement in the script");
    }
    return statements;
  }

  private void skipTo(String end) {
    int found = script.indexOf(end, at);
    if (found < 0 && end.equals("*/")) {
      throw new IllegalArgumentException("a comment is not closed");
    }
    at = found < 0 ? script.length() : end.equals("\n") ? found : found + end.length();
  }

  private void copyTo(int end) {
    if (end < 0) {
      throw new IllegalArgumentException("a quote is not closed");
    }
    current.append(script, at, end + 1);
    at = end + 1;
  }

  private void finish() {
    // BEGIN STATEMENT SET; … END; is the SQL client's form, which the planner does not know.
    String text = current.toString().trim().replaceFirst("(?is)^BEGIN\\s+STATEMENT\\s+SET\\s*;", "EXECUTE STATEMENT SET BEGIN ");
    current.setLength(0);
    if (!text.isEmpty()) {
      statements.add(text);
    }
  }
}
