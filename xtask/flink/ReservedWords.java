import java.io.StringReader;
import java.util.TreeSet;
import org.apache.calcite.sql.parser.SqlAbstractParserImpl;
import org.apache.flink.sql.parser.impl.FlinkSqlParserImpl;

/** Prints the words that Flink's parser takes for names only in back-ticks, one a line. */
public class ReservedWords {
  public static void main(String[] args) {
    SqlAbstractParserImpl.Metadata words = FlinkSqlParserImpl.FACTORY.getParser(new StringReader("")).getMetadata();
    for (String word : new TreeSet<>(words.getTokens())) {
      if (words.isReservedWord(word)) {
        System.out.println(word);
      }
    }
  }
}
