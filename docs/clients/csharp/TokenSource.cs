// Gets tokens for a service whose Secret is mounted as a directory. No dependencies.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Http;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

/// <summary>Reads the files whenever a token is needed, and tries client_secret_next where client_secret is refused.</summary>
public sealed class TokenSource
{
    private readonly string directory;
    private readonly HttpClient http;
    private readonly SemaphoreSlim one = new SemaphoreSlim(1);
    private string token;
    private DateTime expires;

    public TokenSource(string directory, HttpClient http)
    {
        this.directory = directory;
        this.http = http;
    }

    public async Task<string> AccessTokenAsync(CancellationToken cancel = default(CancellationToken))
    {
        await one.WaitAsync(cancel);
        try
        {
            if (DateTime.UtcNow >= expires)
            {
                var answer = await RequestAsync(cancel);
                token = Field(answer, "access_token");
                int lifetime;
                int.TryParse(Field(answer, "expires_in"), out lifetime);
                expires = DateTime.UtcNow.AddSeconds(lifetime - 30);
            }
            return token;
        }
        finally
        {
            one.Release();
        }
    }

    private async Task<string> RequestAsync(CancellationToken cancel)
    {
        var files = Read();
        var secrets = new List<string> { files["client_secret"] };
        if (files.ContainsKey("client_secret_next"))
        {
            secrets.Add(files["client_secret_next"]); // announced: the server may know it already
        }
        var problem = "";
        foreach (var secret in secrets)
        {
            var form = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                { "grant_type", "client_credentials" }, { "client_id", files["client_id"] }, { "client_secret", secret },
            });
            using (var answer = await http.PostAsync(files["token_endpoint"], form, cancel))
            {
                var body = await answer.Content.ReadAsStringAsync();
                if (answer.IsSuccessStatusCode)
                {
                    return body;
                }
                var code = Field(body, "error");
                problem = "getting a token: HTTP " + (int)answer.StatusCode + ", " + code;
                if (code != "invalid_client")
                {
                    break; // another secret would not help
                }
            }
        }
        throw new InvalidOperationException(problem);
    }

    // The kubelet changes over to the next refresh by moving the link ..data while files are read: what belongs together is read again until
    // the id was the same before and after.
    private Dictionary<string, string> Read()
    {
        for (; ; )
        {
            var files = new Dictionary<string, string>();
            foreach (var name in new[] { "client_id", "client_secret", "client_secret_next", "token_endpoint" })
            {
                var path = Path.Combine(directory, name);
                if (name != "client_secret_next" || File.Exists(path))
                {
                    files[name] = File.ReadAllText(path).Trim();
                }
            }
            if (File.ReadAllText(Path.Combine(directory, "client_id")).Trim() == files["client_id"] &&
                File.ReadAllText(Path.Combine(directory, "client_secret")).Trim() == files["client_secret"])
            {
                return files;
            }
        }
    }

    // With System.Text.Json at hand use that; these answers are flat.
    private static string Field(string json, string name)
    {
        return Regex.Match(json, "\"" + name + "\"\\s*:\\s*\"?([^\",}]*)").Groups[1].Value;
    }
}

public static class Program
{
    public static int Main(string[] arguments)
    {
        try
        {
            Console.WriteLine(new TokenSource(arguments[0], new HttpClient()).AccessTokenAsync().GetAwaiter().GetResult());
            return 0;
        }
        catch (Exception problem)
        {
            Console.Error.WriteLine(problem.Message);
            return 1;
        }
    }
}
